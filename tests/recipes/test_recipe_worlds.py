"""The cache of worlds, scattered maps in recipes, and what a run remembers of both."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from engine.errors import ConfigError, MapError
from engine.maps import load_map, parse_ascii
from engine.recipes import maps_of, prepare_run, resolve, worlds_of
from engine.recipes.worlds import MapSource, WorldCache
from engine.runs import RunDirectory
from engine.sim import games

RULES = games.navigation()
WALLS = load_map("navigation_walls9")


def test_a_world_is_made_once() -> None:
    cache = WorldCache()

    first = cache.get(RULES, MapSource(WALLS, 3))
    again = cache.get(games.navigation(), MapSource(load_map("navigation_walls9"), 3))  # equal, not the same

    assert again.world is first.world
    assert (cache.hits, cache.misses, cache.hit_rate) == (1, 1, 0.5)


def test_another_seed_drawing_or_rule_is_another_world() -> None:
    cache = WorldCache()
    edited = WALLS.with_cells([(1, 1, "wall")])
    sources = [MapSource(WALLS), MapSource(WALLS, 1), MapSource(WALLS, 2), MapSource(edited)]
    asked = [(RULES, source) for source in sources] + [(games.navigation(max_steps=7), sources[0])]

    worlds = [cache.get(rules, source).world for rules, source in asked]

    assert len(set(map(id, worlds))) == len(worlds)
    assert (cache.hits, cache.misses) == (0, 5)


def test_the_one_not_asked_for_the_longest_goes_first() -> None:
    cache = WorldCache(capacity=2)
    for seed in (1, 2, 1, 3):  # 3 takes the place of 2
        cache.get(RULES, MapSource(WALLS, seed))

    assert len(cache) == 2
    before = cache.misses
    cache.get(RULES, MapSource(WALLS, 1))
    cache.get(RULES, MapSource(WALLS, 3))
    assert cache.misses == before
    cache.get(RULES, MapSource(WALLS, 2))
    assert cache.misses == before + 1


def test_a_refusal_is_not_kept() -> None:
    cache = WorldCache()
    for _ in range(2):
        with pytest.raises(MapError, match="odd, line 2, column 2"):
            cache.get(RULES, MapSource(parse_ascii("####\n#@m#\n####", "odd")))

    assert (len(cache), cache.hits, cache.misses) == (0, 0, 0)


def test_many_threads_may_ask() -> None:
    cache = WorldCache(capacity=3)
    wrong: list[str] = []

    def ask() -> None:
        for seed in [1, 2, 3, 4, 5] * 8:
            made = cache.get(RULES, MapSource(WALLS, seed))
            if made.grid_map.name != f"navigation_walls9-{seed}":
                wrong.append(made.grid_map.name)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert cache.hits + cache.misses == 4 * 40
    assert len(cache) <= 3


def test_scatter_gives_as_many_maps_as_asked_for_by_the_seeds_from_the_trainers_on() -> None:
    config = resolve("arena_easy", ["map=scatter:arena_small", "scatters=4", "trainer.seed=5"])

    maps = maps_of(config)

    assert [grid_map.name for grid_map in maps] == [f"arena_small-{seed}" for seed in (5, 6, 7, 8)]
    assert len(set(maps)) == 4
    assert len(worlds_of(config)) == 4


@pytest.mark.parametrize("setting", ["scatters=0", "scatters=257", "scatters=many"])
def test_impossible_numbers_of_maps_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="scatters"):
        resolve("navigation", [setting])


def test_scatter_of_a_map_that_is_not_there_is_refused() -> None:
    with pytest.raises(MapError, match="there is no map nowhere"):
        maps_of(resolve("navigation", ["map=scatter:nowhere"]))


def test_a_run_keeps_its_maps_and_says_how_often_one_was_ready(tmp_path: Path) -> None:
    small = ["trainer.env_count=32", "trainer.horizon=16", "trainer.minibatch_size=256", "trainer.total_steps=4096"]
    config = resolve("navigation", ["map=scatter:navigation_walls9", "scatters=3", "trainer.seed=900", *small])

    rates = []
    for _ in range(2):
        run = prepare_run("navigation", config, tmp_path).start()
        assert run.join(120)
        directory = RunDirectory(tmp_path / run.run_id)
        rates.append([line.values["maps/cache_hit_rate"] for line in directory.read_metrics()])
        assert {line.values["maps/worlds"] for line in directory.read_metrics()} == {3.0}

    info = json.loads((tmp_path / run.run_id / "run.json").read_text("utf-8"))
    assert info["map_text"] == maps_of(config)[0].to_text()
    assert info["more_maps"] == {grid_map.name: grid_map.to_text() for grid_map in maps_of(config)[1:]}
    assert rates[0][0] < 1.0  # three worlds had to be made, for 32 episodes or a few more
    assert rates[0][0] >= 1 - 3 / 32
    assert rates[0] == sorted(rates[0])
    assert set(rates[1]) == {1.0}  # and none for the second run
