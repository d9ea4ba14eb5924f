"""What is laid over the map: against brute force by hand, and of networks against asking them one by one."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import replace
from textwrap import dedent

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.maps import cells_for, parse_ascii
from engine.policies.architecture import Architecture
from engine.policies.decision import entropy_of
from engine.policies.insight import attention, saliency, what_if
from engine.policies.networks import PolicyNetwork, build_network
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy
from engine.sim import EMPTY, FIRST_KIND, Batch, Encoding, EnvView, Rules, Verb, World, games
from tui.game import Game
from tui.overlays import TRACE_STEPS, OverlayKind, distances, moves_of, steps_from, trace, visits
from tui.panes.live.overlay import DOT, LEVELS, MARK_SHIFT, TINT_SHIFT, TRACE, ZERO, Overlay

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})
ARENA = games.arena(agents=1)
CLASSIC = games.arena_classic("basic", agents=1)
TINY = "#####\n#@..#\n#..*#\n#####"


def game_on(drawing: str, rules: Rules = WALK) -> Game:
    return Game(rules, [parse_ascii(dedent(drawing).strip("\n"), "drawn")], 0)


def tints(overlay: Overlay) -> NDArray[np.uint32]:
    return overlay.codes >> np.uint32(TINT_SHIFT) & np.uint32(31)


def signs(overlay: Overlay) -> NDArray[np.uint32]:
    return overlay.codes >> np.uint32(MARK_SHIFT) & np.uint32(15)


def level(value: float, most: float) -> int:
    """The tint of an amount, by its definition: nothing for 0, then fifteen equal steps."""
    return 0 if value <= 0 else min(-int(-value * LEVELS // most), LEVELS)


# ---- Where it was

TRACKS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=90)


def view_of(height: int, width: int) -> EnvView:
    """An empty room of that size."""
    rows = ["." * width for _ in range(height)]
    rows[0] = "@*" + rows[0][2:]
    return game_on("\n".join(rows)).play.view


ROOM = view_of(5, 7)


@given(TRACKS)
def test_visits_are_counted(places: list[tuple[int, int]]) -> None:
    track = np.array([[(0, 0), place] for place in places], np.int16).reshape(-1, 2, 2)

    overlay = visits(ROOM, track, 1)

    counts = Counter(places)
    most = max(counts.values(), default=0)
    for row in range(5):
        for column in range(7):
            share = np.log1p(counts[row, column]) / np.log1p(most) if most else 0.0
            assert tints(overlay)[row, column] == int(np.ceil(share * LEVELS))
    assert overlay.words == f"visits of agent 1, {len(places)} steps of this episode, 1 .. {max(most, 1)}, log"
    assert not signs(overlay).any()


@given(TRACKS)
def test_a_trace_is_the_last_steps_the_latest_brightest(places: list[tuple[int, int]]) -> None:
    track = np.array([[place, (4, 6)] for place in places], np.int16).reshape(-1, 2, 2)

    overlay = trace(ROOM, track, 0)

    last = places[-TRACE_STEPS:]
    newest = {place: at for at, place in enumerate(last, 1)}
    for row in range(5):
        for column in range(7):
            at = newest.get((row, column), 0)
            assert tints(overlay)[row, column] == (level(at, len(last)) if at else 0)
            assert signs(overlay)[row, column] == (TRACE if at else 0)
    assert overlay.words == f"trace of agent 0, its last {len(last)} steps"


# ---- How far it is


def by_hand(view: EnvView, start: tuple[int, int], *, diagonal: bool) -> dict[tuple[int, int], int]:
    """Breadth first, one cell at a time."""
    height, width = view.cells.shape
    ways = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    if diagonal:
        ways += [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    found, queue = {start: 0}, deque([start])
    while queue:
        row, column = queue.popleft()
        for rows, columns in ways:
            there = (row + rows, column + columns)
            inside = 0 <= there[0] < height and 0 <= there[1] < width
            if inside and there not in found and view.cells[there] == EMPTY:
                found[there] = found[row, column] + 1
                queue.append(there)
    return found


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(2, 14), st.integers(0, 2**32), st.floats(0, 0.6), st.booleans())
def test_distances_are_those_of_a_search_by_hand(
    height: int, width: int, seed: int, share: float, diagonal: bool
) -> None:
    random = np.random.default_rng(seed)
    cells = np.where(random.random((height, width)) < share, FIRST_KIND, EMPTY).astype(np.uint8)
    start = (int(random.integers(height)), int(random.integers(width)))
    cells[start] = 255  # whoever stands there
    view = replace(ROOM, cells=cells)

    steps = steps_from(view, WALK if diagonal else ARENA, start)

    expected = np.full((height, width), -1)
    for cell, distance in by_hand(view, start, diagonal=diagonal).items():
        expected[cell] = distance
    assert steps.tolist() == expected.tolist()


def test_the_distance_is_bright_where_it_is_near_and_nothing_where_nobody_gets() -> None:
    game = game_on("########\n#@...#.#\n#####*##\n########")

    overlay = distances(game.play.view, game.rules, 0)

    assert tints(overlay)[1].tolist() == [0, 0, LEVELS, 10, 5, 0, 0, 0]
    assert overlay.words == "distance from agent 0, 1 (bright) .. 3 steps"


def test_the_distance_is_what_a_walk_takes() -> None:
    """Against the simulator: a straight walk there takes so many steps."""
    game = game_on("#######\n#@....#\n#.###.#\n#....*#\n#######")
    steps = steps_from(game.play.view, game.rules, (1, 1))

    for action in ("move_south", "move_southeast", "move_east", "move_east"):
        game.act(action)

    assert (game.play.view.agents[0].row, game.play.view.agents[0].column) == (3, 4)
    assert steps[3, 4] == 4 == game.play.tick


def test_where_there_is_no_way_at_all_it_says_so_without_failing() -> None:
    game = game_on("###*\n#@#.\n###.")

    overlay = distances(game.play.view, game.rules, 0)

    assert not overlay.codes.any()
    assert overlay.words.startswith("distance from agent 0")


# ---- What a network thinks


def network_of(rules: Rules, drawing: str, kind: str = "mlp") -> PolicyNetwork:
    world = World(rules, cells_for(parse_ascii(drawing, "drawn"), rules))
    more = {"size": "tiny"} if kind == "attention" else {}
    network = build_network(Architecture(kind=kind, hidden=(16,), **more), Signature.of(world.spec), seed=1)
    with torch.no_grad():
        network.policy_head.weight.mul_(100)
        network.value_head.weight.mul_(5)
    return network


def asked(game: Game, kind: OverlayKind) -> Overlay:
    game.overlay = kind
    inquiry = game.inquiry()
    assert inquiry is not None
    answer = inquiry.answer()
    game.answered(inquiry.ticket, answer)
    return answer


@pytest.fixture
def tiny() -> Game:
    game = game_on(TINY)
    game.use(TorchPolicy(network_of(WALK, TINY), name="calm-fox:v3", seed=1), "trained")
    game.step()
    return game


def imagined(game: Game) -> dict[tuple[int, int], tuple[NDArray[np.float32], float]]:
    """By hand: of each cell that the agent may stand on, what its policy says to what it would observe there."""
    found = {}
    view = game.play.view
    me = view.agents[0]
    policy = game.player
    assert isinstance(policy, TorchPolicy)
    for row, column in [*map(tuple, np.argwhere(view.cells == EMPTY).tolist()), (me.row, me.column)]:
        with Batch(game.play.worlds) as batch:
            batch.load(game.play.batch.save(), 0, 1)
            if (row, column) != (me.row, me.column):
                batch.place(0, row, column)
            probabilities, values = policy.imagine(0, batch.observe()[:1])
        found[row, column] = (probabilities[0], float(values[0]))
    return found


@pytest.mark.parametrize("bias", [-9.0, 0.0, 9.0])
def test_the_value_of_each_cell_is_what_the_policy_expects_there(tiny: Game, bias: float) -> None:
    """Through the middle of the scale where it has both signs, else from the least, which has a tint, to the most."""
    policy = tiny.player
    assert isinstance(policy, TorchPolicy)
    before = [value for _, value in imagined(tiny).values()]
    with torch.no_grad():
        policy.networks[0].value_head.bias.add_(bias - (min(before) + max(before)) / 2)
    expected = imagined(tiny)
    values = {cell: value for cell, (_, value) in expected.items()}
    low, high = min(values.values()), max(values.values())
    assert (low < 0 < high) == (bias == 0)

    overlay = asked(tiny, OverlayKind.VALUE)

    assert {tuple(cell) for cell in np.argwhere(tints(overlay) > 0).tolist()} == values.keys()
    for cell, value in values.items():
        if bias == 0:
            share = value / max(-low, high)
            near = {ZERO + bound for bound in around(share * (7 if share > 0 else 8), up=share > 0)}
        else:
            near = around(1 + 14 * (value - low) / (high - low), up=True)
        assert int(tints(overlay)[cell]) in near
    assert overlay.words == f"V calm-fox:v3, T 1, agent 0 as if it stood there, {low:+.2f} .. {high:+.2f}"


def around(exact: float, *, up: bool) -> set[int]:
    """A number rounded away from zero; both sides of a step that it is too near to, for floats."""
    rounded = math.ceil if up else math.floor
    return {rounded(exact - 1e-4), rounded(exact + 1e-4)}


def test_the_greedy_action_is_drawn_as_its_arrow(tiny: Game) -> None:
    expected = imagined(tiny)

    overlay = asked(tiny, OverlayKind.GREEDY)

    directions = ("north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast")
    for (row, column), (probabilities, _) in expected.items():
        action = WALK.actions[int(probabilities.argmax())]
        arrow = directions.index(action.direction) + 1 if action.verb is Verb.MOVE and action.direction else DOT
        assert signs(overlay)[row, column] == arrow
    assert overlay.words.startswith("likeliest action over V calm-fox:v3, T 1, agent 0 as if it stood there, ")


def test_the_entropy_of_each_cell_is_that_of_its_choice(tiny: Game) -> None:
    expected = imagined(tiny)

    overlay = asked(tiny, OverlayKind.ENTROPY)

    most = np.log(len(WALK.actions))
    for (row, column), (probabilities, _) in expected.items():
        entropy = float(entropy_of(probabilities))
        exact = entropy / most * LEVELS
        assert abs(int(tints(overlay)[row, column]) - np.ceil(exact)) <= (abs(exact - round(exact)) < 1e-3)
    words = f"entropy calm-fox:v3, T 1, agent 0 as if it stood there, 0 .. {most:.2f} nats"
    assert overlay.words == words


def test_only_the_cells_in_sight_are_asked_about_and_it_says_so(tiny: Game) -> None:
    tiny.box = (1, 2, 2, 2)

    overlay = asked(tiny, OverlayKind.VALUE)

    shown = np.argwhere(tints(overlay) > 0)
    assert len(shown)
    assert (shown >= (1, 2)).all()
    assert ", cells in sight, " in overlay.words


def test_moves_have_arrows_and_all_else_a_dot() -> None:
    found = dict(zip([action.name for action in WALK.actions], moves_of(WALK), strict=True))
    ways = ("north", "south", "west", "east", "northwest", "northeast", "southwest", "southeast")
    assert found == {"noop": DOT, **{f"move_{way}": at for at, way in enumerate(ways, 1)}}

    found = dict(zip([action.name for action in CLASSIC.actions], moves_of(CLASSIC), strict=True))
    assert [found[f"rotate_{way}"] for way in ways[:4]] == [1, 2, 3, 4]
    assert found["noop"] == found["put_items"] == found["move_forward"] == DOT


def over_map(game: Game, weights: NDArray[np.float32], most: float) -> NDArray[np.uint32]:
    """By hand: each number of the window on the cell of the map where it lies, where there is one."""
    view = game.play.view
    me, found = view.agents[0], np.zeros(view.cells.shape, np.uint32)
    height, width = weights.shape
    for y in range(height):
        for x in range(width):
            row, column = me.row + y - height // 2, me.column + x - width // 2
            if 0 <= row < found.shape[0] and 0 <= column < found.shape[1]:
                found[row, column] = min(int(np.ceil(np.float64(weights[y, x] / most) * LEVELS)), LEVELS) if most else 0
    return found


CORNERS = {
    "top left": "@......\n.......\n.....*.",
    "bottom right": "*......\n.......\n......@",
    "left": ".......\n@......\n.....*.",
    "one row": "..@...*",
    "one cell wide": "*\n.\n@",
    "middle": "#########\n#.......#\n#...@...#\n#......*#\n#########",
}


@pytest.mark.parametrize("where", CORNERS)
def test_saliency_lies_where_the_window_lies_on_the_map(where: str) -> None:
    drawing = CORNERS[where]
    game = game_on(drawing)
    policy = TorchPolicy(network_of(WALK, drawing), name="calm-fox:v3")
    game.use(policy, "trained")

    overlay = asked(game, OverlayKind.SALIENCY)

    play = game.play
    found = saliency(policy, play.observation(), 0, mask=play.batch.action_mask()[0])
    assert tints(overlay).tolist() == over_map(game, found.change, float(found.change.max())).tolist()
    assert tints(overlay).any()
    assert overlay.words == (
        f"saliency calm-fox:v3, T 0, agent 0: what it changes to hide a cell, 0 .. {found.change.max():.3f} of 1"
    )


@pytest.mark.parametrize("where", ["top left", "one row", "middle"])
def test_attention_lies_where_the_window_lies_on_the_map(where: str) -> None:
    rules = WALK.model_copy(update={"encoding": Encoding.TOKENS, "tokens": 60})
    drawing = CORNERS[where]
    game = game_on(drawing, rules)
    policy = TorchPolicy(network_of(rules, drawing, "attention"), name="eyes:v1")
    game.use(policy, "trained")

    overlay = asked(game, OverlayKind.ATTENTION)

    found = attention(policy, game.play.observation(), 0)
    assert found is not None
    assert tints(overlay).tolist() == over_map(game, found.weights, found.scale.high).tolist()
    assert overlay.words == f"attention eyes:v1, T 0, agent 0, 0 .. {found.scale.high:.0%}"


def test_who_has_no_attention_says_so_in_words(tiny: Game) -> None:
    with pytest.raises(UsageError) as refused:
        asked(tiny, OverlayKind.ATTENTION)

    assert refused.value.message == "calm-fox:v3 has no attention to show"


@pytest.mark.parametrize("kind", [each for each in OverlayKind if each.asks_a_network])
def test_who_is_no_network_is_refused_in_words(kind: OverlayKind) -> None:
    game = game_on(TINY)

    with pytest.raises(UsageError) as refused:
        asked(game, kind)

    assert "random" in refused.value.message


def test_asking_moves_nothing(tiny: Game) -> None:
    twin = game_on(TINY)
    twin.use(TorchPolicy(network_of(WALK, TINY), name="calm-fox:v3", seed=1), "trained")
    twin.step()
    for kind in (OverlayKind.VALUE, OverlayKind.SALIENCY, OverlayKind.ENTROPY):
        asked(tiny, kind)
        tiny.scene()

        tiny.step()
        twin.step()
        assert tiny.play.batch.hash() == twin.play.batch.hash()


# ---- When answers are shown


def test_an_answer_is_asked_for_once_and_shown_from_then_on(tiny: Game) -> None:
    tiny.overlay = OverlayKind.VALUE
    assert tiny.scene().overlay is None
    assert tiny.scene().overlay_words == "value: asking calm-fox:v3..."

    overlay = asked(tiny, OverlayKind.VALUE)

    assert tiny.inquiry() is None
    assert tiny.scene().overlay is overlay
    assert tiny.scene().overlay_words == overlay.words


def test_an_answer_of_a_moment_ago_is_shown_and_asked_for_anew(tiny: Game) -> None:
    overlay = asked(tiny, OverlayKind.VALUE)

    tiny.step()

    assert tiny.scene().overlay is overlay
    assert "T 1" in tiny.scene().overlay_words  # it says of when it is
    inquiry = tiny.inquiry()
    assert inquiry is not None
    assert inquiry.sample == "T 2"


def test_an_answer_to_another_question_is_not_shown(tiny: Game) -> None:
    asked(tiny, OverlayKind.VALUE)

    tiny.overlay = OverlayKind.ENTROPY

    assert tiny.scene().overlay is None
    assert tiny.scene().overlay_words == "entropy: asking calm-fox:v3..."


def test_why_there_is_no_answer_is_shown_in_its_place(tiny: Game) -> None:
    tiny.overlay = OverlayKind.ATTENTION
    inquiry = tiny.inquiry()
    assert inquiry is not None

    tiny.answered(inquiry.ticket, "attention: it has none")

    assert (tiny.scene().overlay, tiny.scene().overlay_words) == (None, "attention: it has none")
    assert tiny.inquiry() is None


def test_an_answer_for_a_map_of_another_shape_is_never_shown() -> None:
    """Two maps take turns by episode: the answer of the one comes when the other is played."""
    drawings = ("#####\n#@..#\n#..*#\n#####", "#######\n#@...*#\n#######")
    rules = WALK.model_copy(update={"max_steps": 3})
    game = Game(rules, [parse_ascii(each, f"map{i}") for i, each in enumerate(drawings)], 0)
    game.use(TorchPolicy(network_of(rules, drawings[0]), name="calm-fox:v3"), "trained")
    game.overlay = OverlayKind.VALUE
    inquiry = game.inquiry()
    assert inquiry is not None
    answer, shape = inquiry.answer(), game.play.view.cells.shape
    seen = set()
    for _ in range(60):
        game.answered(inquiry.ticket, answer)  # as if the worker were that late
        scene = game.scene()
        fits = game.play.view.cells.shape == shape
        assert (scene.overlay is answer) == fits
        assert fits or scene.overlay_words.startswith("value: asking")
        seen.add(fits)
        game.step()
    assert seen == {True, False}


def test_whose_agent_is_played_by_another_is_asked() -> None:
    rules = games.arena(agents=2)
    drawing = "######\n#@.@.#\n#m.n_#\n######"
    game = game_on(drawing, rules)
    game.assign(TorchPolicy(network_of(rules, drawing), name="calm-fox:v3"), [1])
    with pytest.raises(UsageError):
        asked(game, OverlayKind.VALUE)

    game.choose_agent(1)

    assert ", agent 1 as if it stood there" in asked(game, OverlayKind.VALUE).words
    found = what_if(game.player, Batch(game.play.worlds), game.play.batch.save(), 1)
    assert np.argwhere(tints(asked_again(game)) > 0).tolist() == found.cells.tolist()


def asked_again(game: Game) -> Overlay:
    game._answer = None
    return asked(game, OverlayKind.VALUE)
