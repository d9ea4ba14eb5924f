"""The agent-eye as a picture: tokens with room for all say what planes say, and what found no room is marked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.maps import cells_for, load_map
from engine.policies.sights import eye_of
from engine.sim import Batch, Encoding, Plane, Rules, World, games
from tui.panes.live.eye import DROPPED_TINT, eye_codes
from tui.panes.live.overlay import TINT_SHIFT
from tui.panes.live.picture import FOG
from tui.panes.live.scene import Scene


def scene_of(rules: Rules, steps: int, agent: int) -> Scene:
    with Batch(World(rules, cells_for(load_map("arena_basic"), rules)), seed=3) as batch:
        random = np.random.default_rng(1)
        for _ in range(steps):
            batch.step(random.integers(0, len(rules.actions), batch.rows))
        return Scene(
            rules=rules,
            spec=batch.spec,
            view=batch.look(),
            source="",
            policy="random",
            selected=agent,
            person=None,
            playing=False,
            target_rate=1.0,
            actual_rate=0.0,
            step_terms=(),
            episode_terms=(),
            observation=batch.observations[agent].copy(),
            eye=eye_of(batch, agent),
        )


PLANES = games.arena().model_copy(update={"planes": (Plane.KIND, Plane.GROUP, Plane.FACING, Plane.READY)})
TOKENS = games.arena().model_copy(update={"encoding": Encoding.TOKENS, "tokens": 400})


@pytest.mark.parametrize("agent", range(6))
@pytest.mark.parametrize("steps", [0, 7, 60])
def test_tokens_draw_what_planes_draw(agent: int, steps: int) -> None:
    from_planes, from_tokens = (eye_codes(scene_of(rules, steps, agent)) for rules in (PLANES, TOKENS))

    inside = from_planes != 0  # tokens say nothing of what lies outside the map
    assert inside.any()
    assert np.array_equal(from_planes[inside], from_tokens[inside])


def test_cells_of_dropped_tokens_are_marked() -> None:
    scene = scene_of(TOKENS.model_copy(update={"tokens": 20}), 5, 0)
    assert scene.eye is not None
    assert scene.eye.dropped_count > 0

    codes = eye_codes(scene)

    marked = (codes >> TINT_SHIFT & 31 == DROPPED_TINT).ravel().tolist()
    assert marked == [bool(each) for each in scene.eye.dropped]
    assert not (codes & FOG).any()


def test_without_an_eye_planes_are_drawn_from_their_bytes() -> None:
    scene = scene_of(PLANES, 3, 1)

    assert np.array_equal(eye_codes(scene), eye_codes(dataclasses.replace(scene, eye=None)))
