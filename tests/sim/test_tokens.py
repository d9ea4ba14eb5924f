"""The token encoding: order, values, what is left out, and what a budget drops."""

from __future__ import annotations

from typing import Any

from engine.sim import NO_TOKEN, Action, Batch, Combat, Encoding, Kind, Resource, Rules, Sight, Term, Verb, Window

from .drawn import sim_from, step
from .small_game import small, stat

Token = tuple[int, int, str, int]  # rows down and columns to the right of the agent, feature, value


def game(**changes: Any) -> Rules:
    given = {"encoding": Encoding.TOKENS, "window": Window(width=5, height=3), "tokens": 60}
    return small(**{**given, **changes})


def tokens(sim: Batch, row: int = 0) -> list[Token]:
    """What is written, with names; checks that what follows is none."""
    spec = sim.spec
    rows = sim.observations[row].reshape(-1, 3).tolist()
    written = [token for token in rows if token != [NO_TOKEN] * 3]
    assert rows[: len(written)] == written
    return [
        (place // 16 - spec.window_height // 2, place % 16 - spec.window_width // 2, spec.feature_names[feature], value)
        for place, feature, value in written
    ]


def test_the_agent_comes_first_then_cells_by_distance_rows_and_columns() -> None:
    sim = sim_from(
        """
        #.#..
        ..@#.
        .#...
        """,
        game(),
    )

    wall = 3
    assert tokens(sim) == [
        (0, 0, "last_reward", 128),
        (0, 0, "type_id", 2),
        (0, 0, "group", 1),
        (0, 0, "frozen", 0),
        (0, 0, "orientation", 2),
        (-1, 0, "type_id", wall),
        (0, 1, "type_id", wall),
        (1, -1, "type_id", wall),
        (-1, -2, "type_id", wall),
    ]


def test_what_one_did_and_got_stands_at_the_centre() -> None:
    rules = game(max_steps=10, rewards=(Term(name="time", stat="steps", weight=-0.25),))
    sim = sim_from("@#", rules)

    step(sim, "move_east")

    assert tokens(sim)[:4] == [
        (0, 0, "episode_completion_pct", 25),
        (0, 0, "last_action", 1 + sim.spec.action_names.index("move_east")),
        (0, 0, "last_result", 2),
        (0, 0, "last_reward", 103),
    ]


def test_a_reward_beyond_a_byte_is_clamped_and_always_told() -> None:
    for weight, byte in ((5.0, 255), (-5.0, 0)):
        sim = sim_from("@", game(rewards=(Term(name="time", stat="steps", weight=weight),)))

        step(sim, "noop")

        assert (0, 0, "last_reward", byte) in tokens(sim)


def test_agents_show_their_state_and_their_inventory() -> None:
    glyph = Action(name="glyph_1", verb=Verb.GLYPH, argument=1)
    shield = Action(name="shield", verb=Verb.SHIELD)
    rules = game(
        actions=(glyph, shield),
        agents=2,
        groups=2,
        roles=("seeker", "hider"),
        group_roles=("seeker", "hider"),
        glyphs=2,
        combat=Combat(shield="energy", shield_upkeep=0),
        resources={"energy": Resource(limit=300, initial=300), "ore": Resource()},
    )
    sim = sim_from("12", rules)
    step(sim, "noop", "glyph_1")
    step(sim, "noop", "shield")

    assert [token for token in tokens(sim) if token[1] == 1] == [
        (0, 1, "type_id", 2),
        (0, 1, "group", 2),
        (0, 1, "role", 2),
        (0, 1, "frozen", 0),
        (0, 1, "orientation", 2),
        (0, 1, "shield", 1),
        (0, 1, "glyph", 2),
        (0, 1, "inv:energy", 255),
    ]


def test_objects_show_hp_readiness_and_what_is_in_them() -> None:
    kinds = {
        "chest": Kind(style="chest", hp=4, outputs={"ore": 1}, initial_output=7),
        "generator": Kind(style="put_get", outputs={"ore": 1}, conversion_ticks=3),
        "mine": Kind(style="use", outputs={"ore": 1}),
    }
    sim = sim_from("Cn@m", game(kinds=kinds, resources={"ore": Resource()}))

    assert [token for token in tokens(sim) if token[1] != 0] == [
        (0, -1, "type_id", 5),
        (0, -1, "ready", 2),
        (0, 1, "type_id", 6),
        (0, 1, "ready", 1),
        (0, -2, "type_id", 4),
        (0, -2, "hp", 4),
        (0, -2, "inv:ore", 7),
    ]


def test_what_is_not_seen_has_no_tokens() -> None:
    sim = sim_from("@##", game(sight=Sight(line_of_sight=True)))

    assert [token[:2] for token in tokens(sim) if token[2] == "type_id"] == [(0, 0), (0, 1)]


def test_what_exceeds_the_budget_is_dropped_from_the_far_end_and_counted() -> None:
    text = "##@##"
    everything = tokens(sim_from(text, game()))
    sim = sim_from(text, game(tokens=7))

    assert len(everything) == 9
    assert tokens(sim) == everything[:7]
    assert (stat(sim, "tokens_written"), stat(sim, "tokens_dropped")) == (7, 2)
    step(sim, "noop")  # two more of one's own: last_action, and last_result is not written for a success
    assert (stat(sim, "tokens_written"), stat(sim, "tokens_dropped")) == (14, 5)


def test_looking_again_counts_no_token_and_neither_does_a_final_observation() -> None:
    rules = game(max_steps=2)
    sim = sim_from("@#", rules)
    for _ in range(3):
        sim.observe()
    written = stat(sim, "tokens_written")
    assert written == len(tokens(sim))

    step(sim, "noop")
    acted_upon = written + len(tokens(sim))
    step(sim, "noop")

    episode = sim.drain_episodes()
    assert episode.stats[0, sim.spec.stat_names.index("tokens_written")] == acted_upon
    assert stat(sim, "tokens_written") == written  # of the new episode's first observation
