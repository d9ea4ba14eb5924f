"""Insight into policies, against networks whose answers are known by hand, and against asking one by one."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.errors import SimError, UsageError
from engine.maps import cells_for, load_map, parse_ascii
from engine.policies.architecture import Architecture
from engine.policies.cast import Cast
from engine.policies.decision import Decision, entropy_of, most_entropy
from engine.policies.insight import MOST_CELLS, attention, saliency, what_if
from engine.policies.networks import AttentionNetwork, MlpNetwork, PolicyNetwork, build_network
from engine.policies.registry import Policy, create_policy, take_step
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy
from engine.sim import EMPTY, FIRST_KIND, NO_TOKEN, Batch, Encoding, Rules, Sight, World, games

PLANES = games.hide_and_seek()  # with sight: what is seen depends on where one stands
TOKENS = PLANES.model_copy(update={"encoding": Encoding.TOKENS, "tokens": 60})
KINDS = {
    "mlp": Architecture(hidden=(16,)),
    "apart": Architecture(hidden=(16,), shared_trunk=False),
    "cnn": Architecture(kind="cnn", hidden=(16,)),
    "lstm": Architecture(hidden=(16,), memory="lstm", memory_size=8),
    "mingru": Architecture(kind="cnn", hidden=(16,), memory="mingru", memory_size=8),
    "attention": Architecture(kind="attention", size="tiny", hidden=(16,)),
    "attention with a memory": Architecture(kind="attention", size="tiny", hidden=(16,), memory="lstm", memory_size=8),
}
GAMES = {name: TOKENS if each.kind == "attention" else PLANES for name, each in KINDS.items()}


def world_of(rules: Rules) -> World:
    return World(rules, cells_for(load_map("hide_and_seek"), rules))


def network_of(kind: str, rules: Rules | None = None, seed: int = 0) -> PolicyNetwork:
    signature = Signature.of(world_of(rules or GAMES[kind]).spec)
    network = build_network(KINDS[kind], signature, seed)
    with torch.no_grad():
        network.policy_head.weight.mul_(100)  # at first it is nearly silent
    return network


def played(policy: Policy, rules: Rules, steps: int = 12) -> Batch:
    """A batch of two envs in the middle of an episode that the policy has followed."""
    batch = Batch(world_of(rules), 2, seed=3)
    for _ in range(steps):
        take_step(policy, batch)
    return batch


def same_state(first: Policy, second: Policy) -> bool:
    one, two = first.state(), second.state()
    return one.keys() == two.keys() and all((one[name] == two[name]).all() for name in one)


# ---- Decisions


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_to_decide_is_to_act_to_the_bit(kind: str, greedy: bool, masked: bool) -> None:
    acting, deciding, asked = (TorchPolicy(network_of(kind), seed=(5, 6)) for _ in range(3))
    with Batch(world_of(GAMES[kind]), 2, seed=3) as batch:
        masks = np.empty((batch.rows, len(batch.spec.action_names)), np.uint8)
        for _ in range(10):
            batch.action_masks_into(masks)
            given = masks if masked else None
            probabilities, values = asked.evaluate(batch.observations, given)
            actions = acting.act(batch.observations, greedy, given)
            asked.act(batch.observations)

            told = deciding.decide(batch.observations, greedy, given)

            assert (told.actions == actions).all()
            assert told.probabilities is not None
            assert told.values is not None
            assert told.probabilities.dtype == told.values.dtype == np.float32
            assert (told.probabilities == probabilities).all()
            assert (told.values == values).all()
            assert same_state(acting, deciding)
            batch.step(actions)


def test_several_heads_have_probabilities_each() -> None:
    signature = Signature.of_floats(4, ("left", "right", "low", "middle", "high"), (2, 3))
    policy = TorchPolicy(build_network(Architecture(hidden=(8,)), signature, seed=0))
    with torch.no_grad():
        policy.networks[0].policy_head.weight.zero_()
        policy.networks[0].policy_head.bias.copy_(torch.tensor([0.0, log(3), 0.0, 0.0, log(2)]))

    told = policy.decide(np.zeros((50, 4), np.float32))

    assert told.actions.shape == (50, 2)
    assert told.probabilities is not None
    np.testing.assert_allclose(told.probabilities[7], [0.25, 0.75, 0.25, 0.25, 0.5], atol=1e-6)
    of_two = -0.25 * log(0.25) - 0.75 * log(0.75)
    assert entropy_of(told.probabilities)[7] == pytest.approx(of_two - 0.5 * log(0.25) - 0.5 * log(0.5))
    assert most_entropy(policy.heads.sizes) == pytest.approx(log(2) + log(3))


def test_entropy_is_0_of_what_is_certain_and_nothing_of_what_is_not_known() -> None:
    probabilities = np.array([[0, 1, 0, 0], [0.25] * 4, [np.nan] * 4], np.float32)

    entropies = entropy_of(probabilities)

    assert str(entropies[0]) == "0.0"  # and not -0.0
    assert entropies[1] == pytest.approx(log(4))
    assert np.isnan(entropies[2])


# ---- Looking back

BACK: dict[str, Callable[[], Policy]] = {
    "lstm": lambda: TorchPolicy(network_of("lstm"), seed=1),
    "roles": lambda: TorchPolicy([network_of("lstm"), *[network_of("mingru", seed=1)] * 2], seed=(1, 2)),
    "random": lambda: create_policy("random", PLANES, world_of(PLANES).spec, seed=1),
    "simple": lambda: create_policy("simple", PLANES, world_of(PLANES).spec, seed=1),
    "goal-seeker": lambda: create_policy("goal-seeker", PLANES, world_of(PLANES).spec, seed=1),
    "cast": lambda: Cast([BACK["lstm"](), BACK["goal-seeker"]()], [0, 1, 0], PLANES),
}


@pytest.mark.parametrize("name", BACK)
def test_a_second_policy_comes_to_any_moment_by_a_state_and_what_was_seen_since(name: str) -> None:
    rules = PLANES.model_copy(update={"max_steps": 9})  # episodes end on the way
    policy = BACK[name]()
    states, seen, ended = [], [], []
    decisions: list[Decision] = []
    with Batch(world_of(rules), 2, seed=3) as batch:
        for _ in range(30):
            states.append(policy.state())
            seen.append(batch.observations.copy())
            decisions.append(policy.decide(batch.observations))
            batch.step(decisions[-1].actions)
            ended.append((batch.terminated | batch.truncated).astype(np.bool_))
            policy.forget(ended[-1])
    now = policy.state()

    for back, kept in ((24, 14), (7, 7), (20, 0)):
        second = policy.again((0, 0) if name == "roles" else 0)
        second.restore(states[kept])
        for tick in range(kept, back):
            second.act(seen[tick])
            second.forget(ended[tick])
        found = second.decide(seen[back])

        assert (found.actions == decisions[back].actions).all()
        for mine, theirs in (
            (found.probabilities, decisions[back].probabilities),
            (found.values, decisions[back].values),
        ):
            assert (mine is None) == (theirs is None)
            assert mine is None or np.array_equal(mine, theirs, equal_nan=True)
    assert all((policy.state()[key] == own).all() for key, own in now.items())


def test_what_it_remembers_matters() -> None:
    """Else the test above would prove nothing of memories."""
    policy = TorchPolicy(network_of("lstm"), seed=1)
    with played(policy, PLANES) as batch:
        remembering, _ = policy.evaluate(batch.observations)
        fresh, _ = TorchPolicy(network_of("lstm")).evaluate(batch.observations)

    assert np.abs(remembering - fresh).max() > 0.01


# ---- What if


def counting(world: World, kind: str = "wall") -> MlpNetwork:
    """Its value is how many cells of a kind it sees; the logit of action 1 is half of it, all others are 0."""
    signature = Signature.of(world.spec)
    network = build_network(Architecture(hidden=(1,)), signature, 0)
    assert isinstance(network, MlpNetwork)
    first = signature.planes.index("kind") * signature.cell_count
    rows = (
        network.entry.first_rows[first : first + signature.cell_count].long() + FIRST_KIND + signature.kinds.index(kind)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.entry.weight[rows] = 1.0
        network.policy_head.weight[1] = 0.5
        network.value_head.weight.fill_(1.0)
    return network


def drawn(text: str, agents: int = 1, **changes: object) -> World:
    rules = games.arena(agents=agents, groups=1).model_copy(update=changes)
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return World(rules, cells_for(parse_ascii(lines, "test"), rules))


YARD = """
    ##########
    #@...#..m#
    #..#.....#
    #....@...#
    ##########"""


def walls_around(cells: np.ndarray, row: int, column: int) -> int:
    around = np.pad(cells, 5)[row : row + 11, column : column + 11]  # the cell in the middle of 11 x 11
    return int((around == FIRST_KIND).sum())


def test_what_if_is_known_of_a_network_that_counts_walls() -> None:
    world = drawn(YARD, agents=2)
    policy = TorchPolicy(counting(world), name="counter:v3", seed=1)
    actions = len(world.spec.action_names)
    with Batch(world, seed=1) as batch, Batch(world) as scratch:
        view, before = batch.look(), batch.hash()

        found = what_if(policy, scratch, batch.save(), 1, sample="tick 0")

        stands = (view.agents[1].row, view.agents[1].column)
        free = view.cells == EMPTY
        free[stands] = True
        assert found.cells.tolist() == np.argwhere(free).tolist()
        walls = np.array([walls_around(view.cells, row, column) for row, column in found.cells.tolist()])
        assert len(set(walls.tolist())) > 3
        np.testing.assert_allclose(found.values, walls, atol=1e-4)
        likeliest = np.exp(walls / 2) / (np.exp(walls / 2) + actions - 1)
        np.testing.assert_allclose(found.probabilities[:, 1], likeliest, rtol=1e-4)
        assert (found.actions == 1).all()
        other = (1 - likeliest) / (actions - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            entropies = -likeliest * np.log(likeliest) - np.nan_to_num((actions - 1) * other * np.log(other))
        np.testing.assert_allclose(found.entropies, entropies, atol=1e-5)
        assert (found.value_scale.low, found.value_scale.high) == pytest.approx((walls.min(), walls.max()), abs=1e-4)
        assert found.entropy_scale.high == pytest.approx(log(actions))
        assert (found.origin.policy, found.origin.sample, found.origin.agent) == ("counter:v3", "tick 0", 1)
        assert batch.hash() == before
        assert scratch.hash() == before  # it is left in the state that was asked about


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_if_is_what_the_policy_says_of_each_cell_alone(kind: str, masked: bool) -> None:
    """Of the second env, whose rows come after those of the first."""
    rules = GAMES[kind]
    policy, twin = (TorchPolicy(network_of(kind), seed=1, masked=masked) for _ in range(2))
    agent, row = 1, 3 + 1
    with played(policy, rules) as batch, played(twin, rules), Batch(batch.worlds) as scratch:
        state = batch.save(1, 1)

        found = what_if(policy, scratch, state, agent, row=row)

        scratch.load(state)
        for index in range(0, len(found.cells), 7):
            scratch.place(agent, *found.cells[index].tolist())
            batch.load(scratch.save(), 1, 1)
            seen = np.concatenate([batch.observe(0), batch.observe(1)])
            masks = np.concatenate([batch.action_mask(0), batch.action_mask(1)]).astype(np.uint8)
            probabilities, values = policy.evaluate(seen, masks if masked else None)
            np.testing.assert_allclose(found.probabilities[index], probabilities[row], atol=2e-5)
            np.testing.assert_allclose(found.values[index], values[row], atol=2e-5)
        assert np.ptp(found.values) > 1e-3
        assert same_state(policy, twin)


def test_each_role_is_asked_its_own_network() -> None:
    seeker, hider = network_of("lstm"), network_of("mingru", seed=4)
    policy = TorchPolicy([seeker, hider, hider], seed=1)
    with played(policy, PLANES) as batch, Batch(batch.worlds) as scratch:
        probabilities, values = policy.evaluate(batch.observations)
        for row in range(batch.rows):
            env, agent = divmod(row, 3)
            view = batch.look(env).agents[agent]

            found = what_if(policy, scratch, batch.save(env, 1), agent, row=row, box=(view.row, view.column, 1, 1))

            assert found.cells.tolist() == [[view.row, view.column]]
            np.testing.assert_allclose(found.probabilities[0], probabilities[row], atol=2e-5)
            np.testing.assert_allclose(found.values[0], values[row], atol=2e-5)


def test_a_row_that_has_not_acted_remembers_nothing() -> None:
    world = world_of(PLANES)
    policy = TorchPolicy(network_of("lstm"))
    with Batch(world, seed=3) as batch, Batch(world) as scratch:
        _, values = TorchPolicy(network_of("lstm")).evaluate(batch.observations)
        view = batch.look().agents[2]

        found = what_if(policy, scratch, batch.save(), 2, box=(view.row, view.column, 1, 1))

        np.testing.assert_allclose(found.values, values[2], atol=2e-5)


def test_a_box_is_cut_to_the_map() -> None:
    world = drawn(YARD, agents=2)
    policy = TorchPolicy(counting(world))
    with Batch(world, seed=1) as batch, Batch(world) as scratch:
        everything = what_if(policy, scratch, batch.save(), 0).cells
        for box in ((-3, -2, 5, 6), (2, 4, 90, 90), (0, 0, 1, 9), (-9, -9, 3, 3), (50, 0, 3, 3)):
            row, column, height, width = box

            found = what_if(policy, scratch, batch.save(), 0, box=box)

            inside = (everything >= (row, column)) & (everything < (row + height, column + width))
            assert found.cells.tolist() == everything[inside.all(axis=1)].tolist()
            assert len(found.values) == len(found.entropies) == len(found.actions) == len(found.cells)


def test_of_too_many_cells_the_nearest_are_asked() -> None:
    side = 70
    world = drawn("\n".join(["." * side] * 8 + ["." * 8 + "@" + "." * (side - 9)] + ["." * side] * (side - 9)))
    with Batch(world, seed=1) as batch, Batch(world) as scratch:
        found = what_if(TorchPolicy(counting(world)), scratch, batch.save(), 0)

    assert side * side > MOST_CELLS == len(found.cells)
    distances = np.abs(found.cells - 8).max(axis=1)
    asked = {tuple(cell) for cell in found.cells.tolist()}
    others = [(r, c) for r in range(side) for c in range(side) if (r, c) not in asked]
    assert distances.max() <= min(max(abs(r - 8), abs(c - 8)) for r, c in others)
    assert (found.values == 0).all()


def test_who_is_no_network_has_nothing_to_say() -> None:
    world = drawn(YARD, agents=2)
    random = create_policy("random", world.rules, world.spec)
    cast = Cast([random, TorchPolicy(counting(world))], [0, 1], world.rules)
    with Batch(world, seed=1) as batch, Batch(world) as scratch:
        for policy in (random, cast):
            with pytest.raises(UsageError, match="random is no network"):
                what_if(policy, scratch, batch.save(), 0)
        assert len(what_if(cast, scratch, batch.save(), 1).cells) > 10


def test_nobody_is_put_where_something_stands() -> None:
    world = drawn(YARD, agents=2)
    with Batch(world, seed=1) as batch:
        before = batch.hash()
        first, second = batch.look().agents
        for row, column in ((0, 0), (1, 8), (second.row, second.column)):
            with pytest.raises(SimError, match="something stands in that cell"):
                batch.place(0, row, column)
        for agent, row, column in ((0, -1, 0), (0, 5, 1), (0, 1, 10), (2, 1, 2), (-1, 1, 2)):
            with pytest.raises(SimError, match="out of range"):
                batch.place(agent, row, column)
        batch.place(0, first.row, first.column)
        assert batch.hash() == before


# ---- Saliency


def test_saliency_is_known_of_a_network_that_counts_walls() -> None:
    world = drawn(YARD, agents=2)
    policy = TorchPolicy(counting(world), name="counter:v3")
    actions = len(world.spec.action_names)
    with Batch(world, seed=1) as batch:
        observation = batch.observations[1]
        window = observation[:121].reshape(11, 11)

        found = saliency(policy, observation, 1, sample="tick 0")

    is_wall = window == FIRST_KIND
    walls = is_wall.sum()

    def likeliest(count: int) -> float:
        return float(np.exp(count / 2) / (np.exp(count / 2) + actions - 1))

    np.testing.assert_allclose(found.value_change, np.where(is_wall, -1.0, 0.0), atol=1e-4)
    less = likeliest(walls) - likeliest(walls - 1)  # what action 1 loses, the others win
    np.testing.assert_allclose(found.change, np.where(is_wall, less, 0.0), atol=1e-6)
    assert (found.change[~is_wall] == 0).all()
    assert (found.value_scale.low, found.value_scale.high) == pytest.approx((-1, 1), abs=1e-4)
    assert (found.scale.low, found.scale.high, found.scale.unit) == (0, 1, "total variation of the action")
    assert found.origin.sample == "tick 0"


def without(observation: np.ndarray, signature: Signature, row: int, column: int) -> np.ndarray:
    """The observation that the engine would have written had it nothing to tell of a cell."""
    if signature.encoding == "planes":
        blank = observation.copy()
        for plane in range(len(signature.planes)):
            blank[plane * signature.cell_count + row * signature.window_width + column] = 0
        return blank
    kept = [token for token in observation.reshape(-1, 3).tolist() if token[0] != row * 16 + column]
    whole = np.full((signature.token_count, 3), NO_TOKEN, np.uint8)
    whole[: len(kept)] = kept
    return whole.reshape(-1)


@pytest.mark.parametrize("kind", [*KINDS, "mlp of tokens", "cnn of tokens"])
def test_saliency_is_what_the_policy_says_without_each_cell(kind: str) -> None:
    name, _, of_tokens = kind.partition(" of ")
    rules = TOKENS if of_tokens else GAMES[name]
    policy, twin = (TorchPolicy(network_of(name, rules), seed=1) for _ in range(2))
    row = 4
    with played(policy, rules) as batch, played(twin, rules):
        probabilities, values = policy.evaluate(batch.observations)
        signature = policy.networks[0].signature

        found = saliency(policy, batch.observations[row], 1, row=row)

        assert same_state(policy, twin)
        for at in range(0, signature.cell_count, 4):  # the middle, which tokens of the agent itself share, among them
            place = divmod(at, signature.window_width)
            seen = batch.observations.copy()
            seen[row] = without(seen[row], signature, *place)
            told, worth = policy.evaluate(seen)
            change = np.abs(told[row] - probabilities[row]).sum() / 2
            np.testing.assert_allclose(found.change[place], change, atol=2e-5)
            np.testing.assert_allclose(found.value_change[place], worth[row] - values[row], atol=2e-5)
    assert found.change.max() > 2e-4  # ten times what the sums above may differ by


def test_saliency_is_of_what_a_masked_policy_may_do() -> None:
    policy = TorchPolicy(network_of("mlp"), masked=True)
    with played(policy, PLANES) as batch:
        legal = np.zeros(len(batch.spec.action_names), np.bool_)
        legal[2] = True

        found = saliency(policy, batch.observations[0], 0, mask=legal)
        free = saliency(TorchPolicy(policy.networks), batch.observations[0], 0, mask=legal)

    assert (found.change == 0).all()
    assert free.change.max() > 0  # it does not care
    assert (found.value_change == free.value_change).all()


# ---- Attention


def test_a_policy_without_questions_looks_at_every_token_alike() -> None:
    network = network_of("attention")
    assert isinstance(network, AttentionNetwork)
    with torch.no_grad():
        network.attention.query.weight.zero_()
        network.attention.query.bias.zero_()
    policy = TorchPolicy(network, name="eyes:v1")
    with played(policy, TOKENS) as batch:
        tokens = [token for token in batch.observations[1].reshape(-1, 3).tolist() if token[0] != NO_TOKEN]

        found = attention(policy, batch.observations[1], 1, sample="tick 12")

    expected = np.zeros((11, 11))
    for location, _, _ in tokens:
        expected[location // 16, location % 16] += 1 / len(tokens)
    assert found is not None
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)
    assert len(tokens) < TOKENS.tokens  # what is not there is not looked at
    assert found.scale.high == pytest.approx(expected.max())
    assert (found.origin.policy, found.origin.sample) == ("eyes:v1", "tick 12")


@pytest.mark.parametrize("kind", ["attention", "attention with a memory"])
def test_attention_is_what_the_network_weighs_by(kind: str) -> None:
    """Torch's own attention over one-hot values gives its weights."""
    policy, twin = (TorchPolicy(network_of(kind), seed=1) for _ in range(2))
    network = policy.networks[0]
    assert isinstance(network, AttentionNetwork)
    with played(policy, TOKENS) as batch, played(twin, TOKENS), torch.inference_mode():
        observation = batch.observations[2].copy()
        queries, keys, _, away, locations = network.attention._asked(torch.from_numpy(observation[None]))
        one_hot = torch.eye(keys.shape[2]).expand(1, keys.shape[1], -1, -1)
        weights = F.scaled_dot_product_attention(queries, keys, one_hot, attn_mask=away).mean(dim=(0, 1, 2))

        found = attention(policy, observation, 2)

        expected = np.zeros((11, 11))
        for location, weight in zip(locations[0].tolist(), weights.tolist(), strict=True):
            if location != NO_TOKEN:
                expected[location // 16, location % 16] += weight
        assert found is not None
        np.testing.assert_allclose(found.weights, expected, atol=1e-5)
        assert found.weights.sum() == pytest.approx(1, abs=1e-5)
        assert np.ptp(weights.numpy()) > 1e-4
        assert same_state(policy, twin)


def test_other_networks_have_no_attention() -> None:
    policy = TorchPolicy(network_of("cnn", TOKENS))
    with played(policy, TOKENS) as batch:
        assert attention(policy, batch.observations[0], 0) is None


def test_the_games_of_these_tests_hide_things() -> None:
    assert PLANES.sight != Sight()
