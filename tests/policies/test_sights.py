"""The agent-eye in words, against what the engine says of the same cells in another way."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import SimError
from engine.maps import cells_for, load_map
from engine.policies.sights import Eye, Feature, eye_of, eye_of_planes, eye_of_tokens
from engine.sim import (
    DIRECTIONS,
    EMPTY,
    FIRST_KIND,
    NOT_READY_CODES,
    ActionResult,
    AgentView,
    Batch,
    Encoding,
    EnvView,
    Plane,
    Rules,
    Sight,
    World,
    games,
)


def everything_of(game: str) -> Rules:
    """All planes, and the whole window in sight."""
    rules = games.GAMES[game]()
    sight = Sight(counts=rules.sight.counts)
    return rules.model_copy(update={"planes": tuple(Plane), "sight": sight})


EVERYTHING = everything_of("arena_energy")  # shields, hp


def batch_of(rules: Rules, steps: int = 60, seed: int = 2) -> Batch:
    batch = Batch(World(rules, cells_for(load_map(rules.name), rules)), seed=seed)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(random.integers(0, len(rules.actions), batch.rows).astype(np.int32))
    return batch


def tokens_of(tokens: int) -> Rules:
    return EVERYTHING.model_copy(update={"encoding": Encoding.TOKENS, "tokens": tokens})


def told_of_agent(rules: Rules, agent: AgentView) -> dict[str, str]:
    """What planes say of an agent, in words, from the state."""
    told = {"kind": "agent", "group": str(agent.group), "facing": DIRECTIONS[agent.facing]}
    told |= {"role": rules.roles[agent.role], "glyph": str(agent.glyph)}
    if agent.frozen:
        told["frozen"] = "yes"
    if agent.shield:
        told["shield"] = "up"
    return told


def told_of_cell(rules: Rules, view: EnvView, row: int, column: int) -> dict[str, str]:
    height, width = view.cells.shape
    if not (0 <= row < height and 0 <= column < width):
        return {"kind": "outside or hidden"}
    for agent in view.agents:
        if (agent.row, agent.column) == (row, column):
            return told_of_agent(rules, agent)
    code = int(view.cells[row, column])
    if code == EMPTY:
        return {"kind": "empty"}
    told = {"kind": list(rules.kinds)[code - FIRST_KIND]}
    if ready := int(view.ready[row, column]):
        told["ready"] = NOT_READY_CODES.get(ready, "ready")
    return told


@pytest.mark.parametrize(
    ("game", "steps", "words"),
    [
        ("arena_energy", 60, {"altar", "agent", "up", "ready"}),
        ("hide_and_seek", 3, {"seeker", "hider", "yes"}),  # the seeker counts
        ("arena_classic_combat", 200, {"cooling down"}),
    ],
)
def test_planes_tell_in_words_what_stands_there(game: str, steps: int, words: set[str]) -> None:
    rules, said = everything_of(game), set()
    with batch_of(rules, steps) as batch:
        view = batch.look()
        for index, agent in enumerate(view.agents):
            eye = eye_of(batch, index)
            for row in range(eye.height):
                for column in range(eye.width):
                    found = {f.name: f.words for f in eye.at(row, column) if f.name not in ("hp", "stock")}
                    at = agent.row + row - eye.height // 2, agent.column + column - eye.width // 2
                    assert found == told_of_cell(rules, view, *at)
                    said.update(found.values())
            assert (eye.used, eye.budget, eye.dropped_count) == (0, 0, 0)
    assert words <= said


def test_amounts_of_objects_are_told_as_they_are_written() -> None:
    rules = games.GAMES["arena_classic"]().model_copy(update={"planes": (Plane.STOCK, Plane.KIND)})
    with Batch(World(rules, cells_for(load_map("arena_classic"), rules)), seed=1) as batch:
        for _ in range(60):
            batch.step(np.zeros(batch.rows, np.int32))
        eyes = [eye_of(batch, agent) for agent in range(batch.rows)]
        stocks = batch.observations[:, : batch.spec.window_height * batch.spec.window_width]

    for eye, stock in zip(eyes, stocks, strict=True):
        found = [next((int(each.words) for each in told if each.name == "stock"), 0) for told in eye.cells]
        assert found == stock.tolist()
    assert stocks.any()


def test_the_self_vector_is_told_in_words() -> None:
    with batch_of(EVERYTHING, steps=61) as batch:
        view = batch.look()
        for index, agent in enumerate(view.agents):
            own = {feature.name: feature.words for feature in eye_of(batch, index).own}

            assert own["facing"] == DIRECTIONS[agent.facing]
            assert own["last_action"] == EVERYTHING.action_names[agent.last_action]
            assert own["last_result"] == ActionResult(agent.last_result).name.lower().replace("_", " ")
            assert own["group"] == str(agent.group)
            assert own["glyph"] == str(agent.glyph)
            assert own["shield"] == ("up" if agent.shield else "down")
            turns = {0: "no", 1: "1 turn"}
            assert own["frozen"] == turns.get(agent.frozen, f"{agent.frozen} turns")
            for name, units in zip(EVERYTHING.resources, agent.inventory, strict=True):
                assert own[f"inv:{name}"] == (str(units) if units < 255 else "255 or more")
            share = 255 * view.tick // EVERYTHING.max_steps
            assert own["episode_completion"] == f"{100 * share // 255} %"


def test_planes_are_read_from_the_bytes_alone() -> None:
    with batch_of(EVERYTHING) as batch:
        blank = np.zeros(batch.spec.observation_size, np.uint8)
        eye = eye_of_planes(batch.spec, blank)

    assert all(cell == (Feature("kind", 0, "outside or hidden"),) for cell in eye.cells)
    assert [feature.words for feature in eye.own][:4] == ["north", "none", "success", "0 %"]


def every_token(eye: Eye) -> list[tuple[int, str, int]]:
    """(cell, feature, value) of all tokens that an eye tells of, in no order."""
    middle = eye.height // 2 * eye.width + eye.width // 2
    found = [(middle, feature.name, feature.value) for feature in eye.own]
    for cells in (eye.cells, eye.dropped):
        found += [(cell, each.name, each.value) for cell, told in enumerate(cells) for each in told]
    return sorted(found)


def written(batch: Batch, observation: np.ndarray) -> list[tuple[int, str, int]]:
    tokens = [token for token in observation.reshape(-1, 3).tolist() if token[0] != 255]
    width = batch.spec.window_width
    return [(at // 16 * width + at % 16, batch.spec.feature_names[feature], value) for at, feature, value in tokens]


@pytest.mark.parametrize("budget", [1, 3, 10, 40, 1024])
def test_dropped_tokens_are_those_that_a_larger_budget_has(budget: int) -> None:
    """The same game with room for everything, played by the same actions from the same seed."""
    with batch_of(tokens_of(budget)) as narrow, batch_of(tokens_of(1024)) as wide:
        before = narrow.hash()
        dropped = 0
        for agent in range(narrow.rows):
            whole = written(wide, wide.observations[agent])
            assert len(whole) < 1024

            eye = eye_of(narrow, agent)

            assert every_token(eye) == sorted(whole)
            assert sorted(whole[budget:]) == sorted(
                (cell, each.name, each.value) for cell, told in enumerate(eye.dropped) for each in told
            )
            assert (eye.used, eye.budget) == (min(len(whole), budget), budget)
            assert eye.dropped_count == max(len(whole) - budget, 0)
            seen = eye_of_tokens(narrow.spec, narrow.observations[agent].reshape(-1, 3))
            assert (seen.cells, seen.own, seen.used) == (eye.cells, eye.own, eye.used)
            assert seen.dropped_count == 0
            dropped += eye.dropped_count
        assert (dropped > 0) == (budget < 1024)
        assert narrow.hash() == before


def test_tokens_are_told_in_the_words_of_planes() -> None:
    same = {"type_id": "kind", "orientation": "facing"}
    with batch_of(tokens_of(1024)) as batch, batch_of(EVERYTHING) as planes:
        for agent in range(batch.rows):
            eye, twin = eye_of(batch, agent), eye_of(planes, agent)
            for cell, told in enumerate(eye.cells):
                words = {same.get(each.name, each.name): each.words for each in told}
                of_planes = {each.name: each.words for each in twin.cells[cell] if each.name != "stock"}
                if not told:
                    assert of_planes["kind"] in ("empty", "outside or hidden")
                    continue
                known = {name: said for name, said in words.items() if not name.startswith("inv:")}
                if known["kind"] == "agent":
                    known = {name: said for name, said in known.items() if (name, said) != ("frozen", "no")}
                    of_planes = {name: said for name, said in of_planes.items() if name not in ("role", "glyph")}
                    known = {name: said for name, said in known.items() if name not in ("role", "glyph")}
                assert known == of_planes
            reward = float(batch.look().agents[agent].step_reward)
            own = {each.name: each.words for each in eye.own}
            assert float(own["last_reward"]) == pytest.approx(reward, abs=0.0051)


def test_rewards_beyond_a_byte_are_told_as_bounds() -> None:
    with batch_of(tokens_of(9), steps=0) as batch:
        spec = batch.spec
    feature = spec.feature_names.index("last_reward")

    words = [
        eye_of_tokens(spec, np.array([[0x55, feature, value]], np.uint8)).own[0].words for value in (0, 127, 128, 255)
    ]

    assert words == ["-1.28 or less", "-0.01", "+0.00", "+1.27 or more"]


def test_planes_have_no_tokens() -> None:
    with batch_of(EVERYTHING, steps=0) as batch, pytest.raises(SimError, match="not observed as tokens"):
        batch.tokens(0)


def test_nobody_else_has_tokens() -> None:
    with batch_of(tokens_of(9), steps=0) as batch:
        for agent, env in ((-1, 0), (batch.rows, 0), (0, 1)):
            with pytest.raises(SimError, match="out of range"):
                batch.tokens(agent, env)
