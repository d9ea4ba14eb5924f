"""The Python side of a batch: arrays, lifetimes, threads, episodes, worlds and snapshots."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

from engine.errors import SimError
from engine.maps import cells_for, load_map, parse_ascii
from engine.sim import Batch, ObjectView, World, games

from .drawn import cells_from, drawn, sim_from, step, world_from

ROOM = """
    ....
    .#*.
    ....
    """


def navigation(env_count: int = 1, **arguments: Any) -> Batch:
    return sim_from(ROOM, games.navigation(max_steps=10), env_count, **arguments)


def arrays_for(batch: Batch) -> dict[str, np.ndarray]:
    size = batch.spec.observation_size
    return {
        "observations": np.zeros((batch.rows, size), np.uint8),
        "actions": np.zeros(batch.rows, np.int32),
        "rewards": np.zeros(batch.rows, np.float32),
        "terminated": np.zeros(batch.rows, np.uint8),
        "truncated": np.zeros(batch.rows, np.uint8),
        "final_observations": np.zeros((batch.rows, size), np.uint8),
        "results": np.zeros(batch.rows, np.uint8),
        "action_masks": np.zeros((batch.rows, len(batch.spec.action_names)), np.uint8),
    }


# ---- Arrays


def test_a_bound_step_writes_what_the_batch_writes() -> None:
    one, other = navigation(3), navigation(3)
    arrays = arrays_for(other)
    bound = other.bind(**arrays)

    for action in range(9):
        one.step(np.full(3, action, np.int32))
        arrays["actions"][:] = action
        bound()

        for name in ("observations", "rewards", "terminated", "truncated", "final_observations", "results"):
            assert np.array_equal(getattr(one, name), arrays[name]), name


def test_optional_arrays_may_be_left_out() -> None:
    batch = navigation()
    arrays = arrays_for(batch)
    del arrays["final_observations"], arrays["results"], arrays["action_masks"]

    batch.bind(**arrays)()

    assert batch.look().tick == 1


def test_flags_may_be_bool() -> None:
    batch = sim_from("@*", games.navigation().model_copy(update={"spawn_anywhere": False}))
    arrays = {**arrays_for(batch), "terminated": np.zeros(1, np.bool_), "truncated": np.zeros(1, np.bool_)}
    arrays["action_masks"] = arrays["action_masks"].astype(np.bool_)
    arrays["actions"][:] = batch.spec.action_names.index("move_east")

    batch.bind(**arrays)()

    assert arrays["terminated"].tolist() == [True]
    assert arrays["truncated"].tolist() == [False]
    assert np.array_equal(arrays["action_masks"], batch.action_mask())


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def unaligned(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(bytearray(array.nbytes + 1), np.uint8)[1:].view(array.dtype).reshape(array.shape)


SPOILS = {
    "dtype": lambda array: array.astype(np.int64),
    "byte order": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "too few rows": lambda array: array[:-1].copy(),
    "too many rows": lambda array: np.concatenate([array, array]),
    "another shape": lambda array: array[None],
    "every other one": lambda array: np.repeat(array, 2, axis=0)[::2],
    "read only": read_only,
    "unaligned": unaligned,
    "column order": np.asfortranarray,
}
SPOILED = [  # bytes have no order and no alignment, and rows alone no order of columns
    (name, spoil)
    for name, array in arrays_for(navigation()).items()
    for spoil in SPOILS
    if (array.itemsize > 1 or spoil not in ("byte order", "unaligned")) and (array.ndim > 1 or spoil != "column order")
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED)
def test_an_array_that_does_not_fit_is_refused_by_name(name: str, spoil: str) -> None:
    batch = navigation(3)
    arrays = arrays_for(batch)

    with pytest.raises(SimError, match=rf"^{name} must be a writeable C-contiguous "):
        batch.bind(**{**arrays, name: SPOILS[spoil](arrays[name])})


def test_a_bound_step_keeps_its_arrays_alive() -> None:
    batch = navigation()
    bound = batch.bind(**arrays_for(batch))
    gc.collect()

    for _ in range(50):
        bound()

    assert batch.look().episode == 5


def test_reset_into_checks_its_array() -> None:
    with pytest.raises(SimError, match=r"^observations must be"):
        navigation().reset_into(np.zeros((2, 2), np.uint8), 1)


def test_action_masks_into_checks_its_array() -> None:
    with pytest.raises(SimError, match=r"^action_masks must be a writeable C-contiguous uint8 \(2, 9\)"):
        navigation(2).action_masks_into(np.zeros((2, 8), np.uint8))


# ---- Lifetimes and threads

CALLS = {
    "reset": lambda batch: batch.reset(1),
    "step": lambda batch: batch.step(np.zeros(batch.rows, np.int32)),
    "drain_episodes": lambda batch: batch.drain_episodes(),
    "look": lambda batch: batch.look(),
    "ledger": lambda batch: batch.ledger(),
    "observe": lambda batch: batch.observe(),
    "action_mask": lambda batch: batch.action_mask(),
    "action_masks_into": lambda batch: batch.action_masks_into(np.zeros((batch.rows, 9), np.uint8)),
    "save": lambda batch: batch.save(),
    "load": lambda batch: batch.load(b"x" * 100),
    "hash": lambda batch: batch.hash(),
    "set_world_weights": lambda batch: batch.set_world_weights([1]),
    "retire_worlds": lambda batch: batch.retire_worlds(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_batch_refuses(call: str) -> None:
    with navigation() as batch:
        pass

    with pytest.raises(SimError):
        CALLS[call](batch)


def test_closing_twice_is_harmless() -> None:
    batch = navigation()

    batch.close()
    batch.close()


def test_a_step_bound_before_the_close_refuses() -> None:
    batch = navigation()
    bound = batch.bind(**arrays_for(batch))
    batch.close()

    with pytest.raises(SimError):
        bound()


def test_a_batch_outlives_the_names_of_its_worlds() -> None:
    batch = Batch([world_from(ROOM, games.navigation()) for _ in range(3)], 4, thread_count=2)
    batch.worlds = ()
    gc.collect()

    batch.step(np.zeros(4, np.int32))

    assert batch.look().tick == 1


def test_a_second_thread_is_refused_while_a_step_is_under_way() -> None:
    batch = sim_from(ROOM, games.navigation(), env_count=20_000)
    bound = batch.bind(**arrays_for(batch))
    refused = threading.Event()
    stepped = 0
    answer = ""

    def step_until_refused() -> None:
        nonlocal stepped
        while not refused.is_set():
            try:
                bound()
                stepped += 1
            except SimError:
                pass  # the other thread was inside; that is its turn

    thread = threading.Thread(target=step_until_refused, daemon=True)
    thread.start()
    try:
        for _ in range(100_000):
            try:
                batch.look(0)
            except SimError as error:
                answer = str(error)
                break
        assert answer == "another thread is using this batch"
    finally:
        refused.set()
        thread.join()
    view = batch.look(19_999)
    assert view.episode * 100 + view.tick == stepped  # a refused call is no step, and no step is lost


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"env_count": 0}, "env_count must be at least 1"),
        ({"first_env": -1}, "first_env must be at least 0"),
        ({"first_env": 2**31 - 1}, "the numbers of the envs fit 31 bits"),
        ({"thread_count": 0}, "thread_count must be 1 to 64"),
        ({"thread_count": 65}, "thread_count must be 1 to 64"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(SimError, match=words):
        Batch(world_from(ROOM, games.navigation()), **arguments)


def test_a_batch_needs_worlds_of_one_game() -> None:
    with pytest.raises(SimError, match="at least one world"):
        Batch([])
    with pytest.raises(SimError, match="of the same game"):
        Batch([world_from(ROOM, games.navigation()), world_from(ROOM, games.navigation(max_steps=7))])


@pytest.mark.parametrize("env", [-1, 2, 10**6])
def test_an_env_out_of_range_is_refused(env: int) -> None:
    batch = navigation(2)

    for call in (batch.look, batch.ledger, batch.observe, batch.action_mask):
        with pytest.raises(SimError):
            call(env)


# ---- Resets, worlds, episodes


def test_the_same_seed_gives_the_same_episode_and_another_seed_another() -> None:
    batch = navigation(8)
    batch.reset(5)
    first = batch.observations.copy()

    batch.reset(6)
    assert not np.array_equal(batch.observations, first)
    batch.reset(5)
    assert np.array_equal(batch.observations, first)
    batch.reset(5 - 2**64)  # seeds are taken modulo 2^64
    assert np.array_equal(batch.observations, first)


def test_starts_are_uniform_over_the_floor() -> None:
    batch = sim_from(ROOM, games.navigation(), env_count=10_000, seed=3)

    places = [(view.agents[0].row, view.agents[0].column) for view in map(batch.look, range(batch.env_count))]

    seen = {place: places.count(place) for place in set(places)}
    assert seen.keys() == {(row, column) for row in range(3) for column in range(4)} - {(1, 1), (1, 2)}
    # 1,000 each with a deviation of 30: this seed stays within five of them.
    assert all(850 < count < 1_150 for count in seen.values())


def test_worlds_are_drawn_by_their_weights_from_the_next_reset_on() -> None:
    rules = games.navigation(max_steps=1)
    batch = Batch([world_from(text, rules) for text in ("..*", "...*", "*....")], 4_000, seed=1)
    assert {batch.look(env).world for env in range(100)} == {0, 1, 2}

    batch.set_world_weights([1, 0, 3])
    step(batch, "noop")  # ends every episode

    worlds = np.array([batch.look(env).world for env in range(batch.env_count)])
    assert (worlds == 1).sum() == 0
    assert 850 < (worlds == 0).sum() < 1_150
    assert {batch.look(env).cells.shape[1] for env in np.flatnonzero(worlds == 2)[:50]} == {5}


@pytest.mark.parametrize("weights", [[0, 0], [2**32 - 1, 2**32 - 1], [1], [1, 2, 3]])
def test_impossible_weights_are_refused(weights: list[int]) -> None:
    rules = games.navigation()
    batch = Batch([world_from(ROOM, rules), world_from(ROOM, rules)])

    with pytest.raises(SimError):
        batch.set_world_weights(weights)


def test_finished_episodes_are_drained_with_their_names() -> None:
    batch = sim_from("@.*", games.navigation(max_steps=5).model_copy(update={"spawn_anywhere": False}), env_count=2)
    step(batch, "move_east", "noop")
    step(batch, "move_east", "noop")
    for _ in range(3):
        step(batch, "noop")

    episodes = batch.drain_episodes()

    assert episodes.env.tolist() == [0, 1]
    assert episodes.length.tolist() == [2, 5]
    assert episodes.terminated.tolist() == [True, False]
    assert episodes.truncated.tolist() == [False, True]
    assert episodes.episode_return == pytest.approx([0.98, -0.05])
    assert episodes.terms[0] == pytest.approx([1.0, -0.02])
    assert episodes.stats[:, batch.spec.stat_names.index("steps")].tolist() == [2, 5]
    assert episodes.dropped == 0
    assert len(batch.drain_episodes()) == 0


def test_episodes_that_nobody_fetches_are_counted() -> None:
    rules = games.navigation(max_steps=1)
    batch = Batch(world_from(ROOM, rules), 3, episode_capacity=4)
    for _ in range(5):
        step(batch, "noop")

    episodes = batch.drain_episodes()

    assert episodes.dropped == 11
    assert episodes.episode.tolist() == [3, 4, 4, 4]


# ---- Snapshots


def played(steps: int) -> Batch:
    batch = sim_from("1.m.2\n.n_..", games.arena(agents=2, max_steps=30), env_count=2)
    for tick in range(steps):
        batch.step(np.arange(4, dtype=np.int32) * 3 % 10 + tick % 3 - 1)
    return batch


def test_every_flipped_byte_is_refused_and_changes_nothing() -> None:
    batch = played(20)
    snapshot, before = batch.save(), batch.hash()
    batch.step(np.full(4, 2, np.int32))
    after = batch.hash()
    assert after != before

    for at in range(len(snapshot)):
        with pytest.raises(SimError, match="snapshot"):
            batch.load(snapshot[:at] + bytes([snapshot[at] ^ 0x10]) + snapshot[at + 1 :])
    assert batch.hash() == after
    batch.load(snapshot)
    assert batch.hash() == before


@pytest.mark.parametrize("data", [b"", b"x", bytes(31), bytes(32), bytes(1000)])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    batch = played(3)

    with pytest.raises(SimError, match="snapshot"):
        batch.load(data)


def test_a_snapshot_of_another_map_is_refused() -> None:
    with pytest.raises(SimError, match="another game or another map"):
        navigation().load(sim_from("..*", games.navigation(max_steps=10)).save())


def test_one_env_may_be_copied_over_another() -> None:
    batch = played(12)
    assert drawn(batch, 0) != drawn(batch, 1)

    batch.load(batch.save(0, 1), first=1, count=1)

    assert drawn(batch, 0) == drawn(batch, 1)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 3), (2, 1), (0, 0), (1, -1)])
def test_envs_out_of_range_are_not_saved(first: int, count: int) -> None:
    with pytest.raises(SimError):
        played(1).save(first, count)


def test_what_a_screen_holds_does_not_move_with_the_batch() -> None:
    batch = navigation()
    view = batch.look()
    cells, agent = view.cells.copy(), view.agents[0]

    for action in range(1, 9):
        batch.step(np.array([action], np.int32))

    assert np.array_equal(view.cells, cells)
    assert view.agents[0] == agent
    assert view.tick == 0


def test_a_map_of_the_largest_size_can_be_played() -> None:
    rules = games.navigation()
    cells = np.zeros((1024, 1024), np.uint8)
    cells[-1, -1] = cells_from("*", rules)[0, 0]

    with Batch(World(rules, cells), 2, seed=1) as batch:
        step(batch, "move_northwest")
        assert batch.look().cells.shape == (1024, 1024)


# ---- Objects


def test_an_object_says_when_it_is_ready_and_how_often_it_served() -> None:
    rules = games.arena(agents=1, groups=1)
    kinds = {**rules.kinds, "mine": rules.kinds["mine"].model_copy(update={"max_uses": 5})}
    rules = rules.model_copy(update={"kinds": kinds})
    cells = cells_for(parse_ascii("#####\n#@m.#\n#####", "drawn"), rules)
    with Batch(World(rules, cells), seed=1) as batch:
        east, use, noop = (rules.action_names.index(name) for name in ("rotate_east", "use", "noop"))
        cooldown = rules.kinds["mine"].cooldown
        assert batch.object_at(1, 2) == ObjectView("mine", 0, 0, 0, (0, 0, 0))

        for action in (east, use):
            batch.step(np.array([action]))
        waits = []
        while not waits or waits[-1]:
            found = batch.object_at(1, 2)
            assert found is not None
            assert (found.kind, found.uses) == ("mine", 1)
            waits.append(found.wait)
            assert (batch.look().ready[1, 2] == 2) == (found.wait > 0)
            batch.step(np.array([noop]))

        assert waits == [*range(waits[0], -1, -1)]
        assert cooldown - 1 <= waits[0] <= cooldown
        assert batch.object_at(1, 1) is None  # the agent
        assert batch.object_at(1, 3) is None  # floor
        with pytest.raises(SimError):
            batch.object_at(3, 0)


def test_a_store_says_what_is_in_it_and_a_thing_what_it_stands() -> None:
    rules = games.GAMES["arena_classic_combat"]()
    cells = cells_for(load_map("arena_classic_combat"), rules)
    with Batch(World(rules, cells), seed=1) as batch:
        view = batch.look()
        seen = 0
        for row, column in np.argwhere(view.cells >= 3).tolist():
            kind = list(rules.kinds)[view.cells[row, column] - 3]
            found = batch.object_at(row, column)
            if found is not None:
                assert (found.kind, found.hp) == (kind, rules.kinds[kind].hp)
                assert sum(found.store) == rules.kinds[kind].initial_output * sum(rules.kinds[kind].outputs.values())
                seen += 1
        assert seen
