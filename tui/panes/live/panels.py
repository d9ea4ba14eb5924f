"""The words around the picture: two status lines as in NetHack, and the side panel. Pure: Scene in, Text out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from engine.sim import DIRECTIONS, AgentView
from tui.text import number, safe_str

from .picture import facing_matters
from .scene import Scene
from .words import result_words

LABEL_WIDTH = 13
PANEL_WIDTH = 34
"""Columns of the side panel; live.tcss says the same, with its margin."""


def first_status(scene: Scene, colour: str) -> Text:
    """Who the agent is: `@3 sky  facing east  ore 2  battery 1  heart 4   use: cooling down`."""
    agent = scene.view.agents[scene.selected]
    parts = [f"facing {DIRECTIONS[agent.facing]}"] if facing_matters(scene.rules) else []
    parts += inventory_words(scene, agent)
    line = Text(no_wrap=True)  # no base style: it would colour all that follows
    line.append(f"@{scene.selected}", style=f"bold {colour}")
    line.append(" you" if scene.person == scene.selected else "", style="bold")
    line.append("  " + "  ".join(parts))
    line.append(f"   {result_words(agent, scene.spec)}", style="dim")
    return line


def second_status(scene: Scene, *, following: bool) -> Text:
    """When and how: `T 318/1000  R +4.20 (heart +4.00, ore +0.20)  > 10/s (9.8)  policy simple  follow`."""
    view, agent = scene.view, scene.view.agents[scene.selected]
    limit = f"/{scene.rules.max_steps}" if scene.rules.max_steps else ""
    line = Text(f"T {view.tick}{limit}  R {number(agent.episode_return, 2, sign=True)}", no_wrap=True)
    line.append(terms_words(scene), style="dim")
    line.append(f"   {time_words(scene)}")
    line.append(f"   {safe_str(scene.source)}" if scene.source else f"   policy {safe_str(scene.policy)}")
    line.append("   follow" if following else "   free view", style="dim")
    return line


def time_words(scene: Scene) -> str:
    """Whether time flows, and how fast: the rate wanted and the rate reached."""
    if scene.source:
        return "live"
    if not scene.playing:
        return "paused"
    return f"> {brief_rate(scene.target_rate)}/s ({scene.actual_rate:.1f})"


def brief_rate(rate: float) -> str:
    """Without a needless decimal."""
    return f"{rate:g}"


def terms_words(scene: Scene) -> str:
    """Rewards of the episode by term, those that paid anything: ` (heart +4.00, ore +0.20)`."""
    paid = [
        f"{safe_str(name)} {number(value, 2, sign=True)}"
        for name, value in zip(scene.spec.term_names, scene.episode_terms, strict=False)
        if value
    ]
    return f" ({', '.join(paid)})" if paid else ""


def inventory_words(scene: Scene, agent: AgentView) -> list[str]:
    """Each resource and what is held of it, with the room left out: `ore 2`."""
    return [f"{safe_str(name)} {count}" for name, count in zip(scene.spec.resource_names, agent.inventory, strict=True)]


def side_panel(scene: Scene, colour: str, legend: Sequence[Text], keys: Sequence[tuple[str, str]]) -> Text:
    """The side column: the agent, what it was paid, who plays, and what the letters mean."""
    agent = scene.view.agents[scene.selected]
    text = Text(no_wrap=True, overflow="ellipsis")
    _heading(text, f"agent {scene.selected}", f"bold {colour}")
    _entry(text, "at", f"{agent.column},{agent.row}")
    if facing_matters(scene.rules):
        _entry(text, "facing", DIRECTIONS[agent.facing])
    for name, count in zip(scene.spec.resource_names, agent.inventory, strict=True):
        _entry(text, safe_str(name, LABEL_WIDTH - 1), f"{count:>4} of {scene.rules.resources[name].limit}")
    _entry(text, "last", result_words(agent, scene.spec))
    _heading(text, "rewards", "bold")
    text.append(f"{'':<{LABEL_WIDTH}}{'step':>8}{'episode':>10}\n", style="dim")
    for name, step, episode in zip(scene.spec.term_names, scene.step_terms, scene.episode_terms, strict=False):
        paid = f"{number(step, 2, sign=True) if step else '-':>8}{number(episode, 2, sign=True):>10}"
        _entry(text, safe_str(name, LABEL_WIDTH - 1), paid)
    _entry(text, "total", f"{brief_step(agent):>8}{number(agent.episode_return, 2, sign=True):>10}")
    _heading(text, "time", "bold")
    _entry(text, "step", f"{scene.view.tick}" + (f" of {scene.rules.max_steps}" if scene.rules.max_steps else ""))
    _entry(text, "episode", str(scene.view.episode))
    _entry(text, "speed", time_words(scene))
    _entry(text, "played by", "you" if scene.person == scene.selected else safe_str(scene.source or scene.policy, 22))
    _heading(text, "legend", "bold")
    for sign in legend:
        text.append_text(sign).append("\n")
    _heading(text, "keys", "bold")
    for key, what in keys:
        _entry(text, key, what)
    return text


def brief_step(agent: AgentView) -> str:
    """The last step's reward."""
    return number(agent.step_reward, 2, sign=True) if agent.step_reward else "-"


def self_words(scene: Scene) -> Text:
    """The self vector of the observation shown, feature by feature."""
    spec = scene.spec
    if scene.observation is None:
        return Text("what it observes is not part of the picture that a run sends", style="dim")
    values = scene.observation[spec.plane_size :].tolist()
    text = Text(no_wrap=True, overflow="ellipsis", style="dim")
    lines = [""]
    for name, value in zip(spec.self_features, values, strict=True):
        pair = f"{safe_str(name)} {value}"
        if lines[-1] and len(lines[-1]) + len(pair) + 2 > PANEL_WIDTH:
            lines.append("")
        lines[-1] += f"  {pair}" if lines[-1] else pair
    text.append("\n".join(lines))
    return text


def _heading(text: Text, title: str, style: str) -> None:
    text.append(("\n" if text.plain else "") + title + "\n", style=style)


def _entry(text: Text, label: str, value: str) -> None:
    text.append(f"{label:<{LABEL_WIDTH}}", style="dim")
    text.append(f"{value}\n")
