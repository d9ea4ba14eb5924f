"""The words around the picture: two status lines as in NetHack, and the side panel. Pure: Scene in, Text out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from engine.sim import DIRECTIONS, FOREVER, AgentView, ObjectView
from tui.text import number, safe_str

from .picture import facing_matters
from .scene import Beside, Intent, Scene
from .subject import frozen_words
from .words import amounts, result_words, thing_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_RESOURCES = 6
"""Of a game with more only those are listed that are held."""
MOST_CHANCES = 8
"""Actions that are listed, the likeliest and the one that was taken."""
BAR_WIDTH, GAUGE_WIDTH = 14, 10
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


def second_status(scene: Scene, *, following: bool, zoom: str = "", pace: str = "") -> Text:
    """When and how: `T 318/1000 (20 back)  R +4.20   > 10/s (9.8)   policy simple   follow   (heart +4.00, ore +0.20)`.

    Args:
        zoom: the zoom, where it is not the usual one.
        pace: pictures a second, where the line to the terminal limits them.
    """
    view, agent = scene.view, scene.view.agents[scene.selected]
    limit = f"/{scene.rules.max_steps}" if scene.rules.max_steps else ""
    line = Text(f"T {view.tick}{limit}", no_wrap=True)
    if scene.clock is not None and scene.clock.back:
        line.append(f" ({scene.clock.back:,} back)", style="bold")
    line.append(f"  R {number(agent.episode_return, 2, sign=True)}")
    line.append(f"   {time_words(scene)}")
    past = scene.clock is not None and scene.clock.back
    plays = "then policy" if past else "policy"  # what is past was played by whom the panel says
    line.append(f"   {safe_str(scene.source)}" if scene.source else f"   {plays} {safe_str(scene.policy)}")
    for words in (pace, "follow" if following else "free view", "fog" if scene.in_sight is not None else "", zoom):
        line.append(f"   {words}" if words else "", style="dim")
    line.append(terms_words(scene), style="dim")  # last: the panel has them too
    return line


def overlay_line(scene: Scene) -> Text:
    """What is laid over the map, from what sample, and on what scale."""
    return Text(f"overlay  {safe_str(scene.overlay_words, 300)}", style="italic")


def time_words(scene: Scene) -> str:
    """Whether time flows, and how fast: the rate wanted and the rate reached."""
    if scene.source and scene.clock is None:
        return "live"
    if not scene.playing:
        return "paused"
    return f"> {brief_rate(scene.target_rate)}/s ({scene.actual_rate:.1f})"


def brief_rate(rate: float) -> str:
    """Without a needless decimal."""
    return "max" if math.isinf(rate) else f"{rate:g}"


def terms_words(scene: Scene) -> str:
    """Rewards of the episode by term, those that paid anything: ` (heart +4.00, ore +0.20)`."""
    paid = [
        f"{safe_str(name)} {number(value, 2, sign=True)}"
        for name, value in zip(scene.spec.term_names, scene.episode_terms, strict=False)
        if value
    ]
    return f"   ({', '.join(paid)})" if paid else ""


def inventory_words(scene: Scene, agent: AgentView) -> list[str]:
    """Each resource and what is held of it, with the room left out: `ore 2`."""
    return [f"{safe_str(name)} {count}" for name, count in zip(scene.spec.resource_names, agent.inventory, strict=True)]


def side_panel(scene: Scene, colour: str, legend: Sequence[Text], *, legend_first: bool = False) -> Text:
    """The side column: the agent, what it has in mind, what is looked at, what it was paid, what happened, a legend."""
    text = Text(no_wrap=True, overflow="ellipsis")
    if legend_first:
        _legend(text, legend)
    if scene.cursor is not None:
        _heading(text, f"looking at {scene.cursor[1]},{scene.cursor[0]}", "bold")
        for line in cell_facts(scene, *scene.cursor):
            text.append(f"{line}\n")
    _agent(text, scene, colour)
    if scene.intent is not None:
        _heading(text, "about to" if scene.intent.took is None else "next, as it was played", "bold")
        text.append_text(mind_words(scene, scene.intent, colour))
    _rewards(text, scene)
    if scene.beside is not None:
        _compared(text, scene, scene.beside)
    if scene.events:
        _heading(text, "happened", "bold")
        for event in scene.events:
            text.append(f"{safe_str(event, 120)}\n", style="dim")
    if not legend_first:
        _legend(text, legend)
    return text


def _legend(text: Text, legend: Sequence[Text]) -> None:
    _heading(text, "legend", "bold")
    for sign in legend:
        text.append_text(sign).append("\n")


def _agent(text: Text, scene: Scene, colour: str) -> None:
    agent, rules = scene.view.agents[scene.selected], scene.rules
    _heading(text, f"agent {scene.selected}", f"bold {colour}")
    text.append(f"{'group':<{LABEL_WIDTH}}", style="dim").append(f"{agent.group}", style=colour)
    text.append(f"  {safe_str(rules.role_of_group(agent.group), 16)}\n" if len(rules.roles) > 1 else "\n")
    facing = f"  facing {DIRECTIONS[agent.facing]}" if facing_matters(rules) else ""
    _entry(text, "episode", str(scene.view.episode))
    _entry(text, "at", f"{agent.column},{agent.row}{facing}")
    for name, count in zip(scene.spec.resource_names, agent.inventory, strict=True):
        if scene.eye is None and (count or len(scene.spec.resource_names) <= MOST_RESOURCES):  # else it stands above
            _entry(text, safe_str(name, LABEL_WIDTH - 1), f"{count:>4} of {rules.resources[name].limit}")
    if agent.frozen:
        _entry(text, "frozen", frozen_words(agent.frozen, FOREVER))
    if agent.shield:
        _entry(text, "shield", "up")
    _entry(text, "last", result_words(agent, scene.spec))
    past = scene.clock is not None and scene.clock.back
    held = scene.selected in scene.held and not past
    _entry(text, "played by", "you" if held else safe_str(scene.played_by or scene.source or scene.policy, 30))


def mind_words(scene: Scene, intent: Intent, colour: str) -> Text:
    """Probabilities as bars, the likeliest first; entropy and value; and what it then did, in the past."""
    text = Text()
    _entry(text, "says", safe_str(intent.policy, 22))
    names = scene.spec.action_names
    if intent.took is not None:
        took = names[intent.took] if 0 <= intent.took < len(names) else "no such action"
        text.append(f"{'took':<{LABEL_WIDTH}}", style="dim").append(safe_str(took), style="bold")
        text.append("  by hand\n" if intent.by_hand else "\n")
    if intent.reason:
        text.append(f"{safe_str(intent.reason, 60)}\n", style="italic")
    if intent.probabilities is None:
        text.append("" if intent.reason else "it does not say how likely\n", style="dim")
        return text
    chances = intent.probabilities
    value = "-" if intent.value is None else number(intent.value, 2, sign=True)
    _entry(text, "H, V", f"{entropy(chances):.2f} nats, {value}")
    order = sorted(range(len(names)), key=lambda i: -chances[i])
    shown = order[:MOST_CHANCES]
    if intent.took is not None and 0 <= intent.took < len(names) and intent.took not in shown:
        shown = [*shown[:-1], intent.took]
    for i in shown:
        chosen = "bold" if i == intent.took else ""
        text.append(f"{safe_str(names[i], LABEL_WIDTH - 1):<{LABEL_WIDTH}}", style=chosen or "dim")
        text.append(f"{bar(float(chances[i]), BAR_WIDTH):<{BAR_WIDTH}}", style=colour if chosen else "dim")
        text.append(f" {chances[i]:4.2f}\n".replace("0.", " ."), style=chosen)
    return text


def entropy(chances: NDArray[np.float32]) -> float:
    """Of a choice, in nats."""
    return math.fsum(-p * math.log(p) for p in chances.tolist() if p > 0)


def bar(share: float, width: int) -> str:
    """A share of 1 as a bar, in eighths of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def cell_facts(scene: Scene, row: int, column: int) -> Iterator[str]:
    """What is known of a cell, line by line: what lies there, and what the agent is told of it."""
    yield thing_words(scene, row, column)
    if scene.thing is not None:
        yield from thing_facts(scene, scene.thing)
    agent = scene.view.agents[scene.selected]
    if scene.eye is None:
        return
    at = row - agent.row + scene.eye.height // 2, column - agent.column + scene.eye.width // 2
    if not (0 <= at[0] < scene.eye.height and 0 <= at[1] < scene.eye.width):
        yield f"agent {scene.selected} is told nothing of it: outside its window"
        return
    index = at[0] * scene.eye.width + at[1]
    for feature in scene.eye.cells[index]:
        yield f"  {safe_str(str(feature), 60)}"
    for feature in scene.eye.dropped[index]:
        yield f"  {safe_str(str(feature), 50)}  (dropped)"
    if not scene.eye.cells[index]:
        yield "  told nothing of it"


def thing_facts(scene: Scene, thing: ObjectView) -> Iterator[str]:
    """What the picture does not show of an object: when it is ready, its hp, how often it served, what it holds."""
    kind = scene.rules.kinds[thing.kind]
    if thing.wait:
        yield f"  ready in {thing.wait} {'step' if thing.wait == 1 else 'steps'}"
    if kind.hp:
        yield f"  hp {thing.hp} of {kind.hp}"
    if kind.max_uses:
        yield f"  used {thing.uses} of {kind.max_uses}"
    held = {name: units for name, units in zip(scene.spec.resource_names, thing.store, strict=True) if units}
    if held:
        yield f"  holds {amounts(held)}"


def _rewards(text: Text, scene: Scene) -> None:
    """What each term pays: for what happens, and for what is held, which pays again and again."""
    agent = scene.view.agents[scene.selected]
    _heading(text, "rewards", "bold")
    text.append(f"{'':<{LABEL_WIDTH}}{'step':>8}{'episode':>10}\n", style="dim")
    terms = {term.name: term for term in scene.rules.rewards}
    for name, step, episode in zip(scene.spec.term_names, scene.step_terms, scene.episode_terms, strict=False):
        paid = f"{number(step, 2, sign=True) if step else '-':>8}{number(episode, 2, sign=True):>10}"
        held = " held" if name in terms and terms[name].stat is None else ""
        _entry(text, safe_str(name, LABEL_WIDTH - 1 - len(held)) + held, paid)
    _entry(text, "total", f"{brief_step(agent):>8}{number(agent.episode_return, 2, sign=True):>10}")


def _compared(text: Text, scene: Scene, beside: Beside) -> None:
    """This branch and another one, agent by agent."""
    branch = scene.clock.branch if scene.clock is not None else 0
    _heading(text, f"branch {branch} | {beside.branch}", "bold")
    for index, (mine, theirs) in enumerate(zip(scene.view.agents, beside.view.agents, strict=True)):
        if index == scene.selected or mine.episode_return != theirs.episode_return:
            pair = f"{number(mine.episode_return, 2, sign=True):>8} | {number(theirs.episode_return, 2, sign=True):>8}"
            _entry(text, f"agent {index}", pair)
    if scene.clock is not None and beside.tick < scene.clock.tick:
        text.append(f"branch {beside.branch} ends at step {beside.tick:,}\n", style="dim")


def brief_step(agent: AgentView) -> str:
    """The last step's reward."""
    return number(agent.step_reward, 2, sign=True) if agent.step_reward else "-"


def eye_words(scene: Scene) -> Text:
    """What the observation says beside its cells: of the agent itself, and of tokens how many found room."""
    eye = scene.eye
    if eye is None:
        return Text("what it observes is not part of the picture that a run sends", style="dim")
    text = Text(no_wrap=True, overflow="ellipsis", style="dim")
    if eye.budget:
        dropped = f", {eye.dropped_count} dropped" if eye.dropped_count else ""
        gauge = f"tokens {bar(eye.used / eye.budget, GAUGE_WIDTH):<{GAUGE_WIDTH}} {eye.used} of {eye.budget}{dropped}"
        text.append(gauge + "\n", style="bold" if eye.dropped_count else "")
    lines = [""]
    for feature in eye.own:
        pair = safe_str(str(feature))
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
