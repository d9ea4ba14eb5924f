"""Policies that networks play: what rows remember, who plays which role, masks, and exact state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import CheckpointError
from engine.maps import cells_for, load_map
from engine.policies.architecture import Architecture
from engine.policies.networks import PolicyNetwork, build_network
from engine.policies.registry import Policy, choose, create_policy, take_step
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy, load_policy
from engine.runs import save_checkpoint
from engine.sim import Batch, World, games, spec_of

TAG = games.hide_and_seek()
SPEC = spec_of(TAG)
SIGNATURE = Signature.of(SPEC)
ROWS = 2 * SPEC.agent_count


def network_of(memory: str = "none", seed: int = 0, signature: Signature = SIGNATURE) -> PolicyNetwork:
    network = build_network(Architecture(hidden=(16,), memory=memory, memory_size=8), signature, seed)
    with torch.no_grad():
        network.policy_head.weight.mul_(100)  # at first it is nearly silent
    return network


def observed(steps: int, rows: int = ROWS) -> np.ndarray:
    """(steps, rows, size) of bytes that are in range."""
    return np.random.default_rng(0).integers(0, 2, (steps, rows, SIGNATURE.observation_size), dtype=np.uint8)


def probabilities(network: PolicyNetwork, sequence: np.ndarray) -> np.ndarray:
    """(rows, actions) after the last step of a sequence that begins an episode."""
    starts = torch.zeros(sequence.shape[:2], dtype=torch.bool)
    starts[0] = True
    memory = torch.zeros(sequence.shape[1], network.memory_size)
    with torch.inference_mode():
        return network.sequence(torch.from_numpy(sequence), memory, starts)[0][-1].softmax(1).numpy()


@pytest.mark.parametrize("memory", ["none", "lstm", "mingru"])
def test_rows_remember_until_they_are_told_to_forget(memory: str) -> None:
    network = network_of(memory)
    policy = TorchPolicy(network)
    seen = observed(4)
    ended = np.arange(ROWS) % 2 == 0

    policy.act(seen[0])
    policy.act(seen[1])
    policy.forget(ended)
    policy.act(seen[2])
    found, _ = policy.evaluate(seen[3])
    again, _ = policy.evaluate(seen[3])

    np.testing.assert_allclose(found[ended], probabilities(network, seen[2:])[ended], atol=1e-5)
    np.testing.assert_allclose(found[~ended], probabilities(network, seen)[~ended], atol=1e-5)
    assert np.array_equal(found, again)  # to be asked is no step


def test_another_number_of_rows_are_new_ones() -> None:
    network = network_of("lstm")
    policy = TorchPolicy(network)
    seen = observed(3)
    policy.act(seen[0])
    policy.act(seen[1, :3])

    found, _ = policy.evaluate(seen[2, :3])

    np.testing.assert_allclose(found, probabilities(network, seen[1:, :3]), atol=1e-5)


@pytest.mark.parametrize("memory", ["none", "lstm"])
def test_each_agent_is_played_by_its_roles_network(memory: str) -> None:
    seeker, hider = network_of(memory, seed=1), network_of("mingru", seed=2)
    policy = TorchPolicy([seeker if role == "seeker" else hider for role in SPEC.agent_roles])
    seen = observed(2)
    seeks = np.array([role == "seeker" for role in SPEC.agent_roles] * 2)

    policy.act(seen[0])
    found, _ = policy.evaluate(seen[1])

    assert 0 < seeks.sum() < ROWS
    np.testing.assert_allclose(found[seeks], probabilities(seeker, seen)[seeks], atol=1e-5)
    np.testing.assert_allclose(found[~seeks], probabilities(hider, seen)[~seeks], atol=1e-5)


def save(path: Path, parts: dict[str, PolicyNetwork], **meta: object) -> Path:
    """A checkpoint of networks by role; '' is everybody else's."""
    tensors = {}
    for role, network in parts.items():
        prefix = f"roles.{role}.network." if role else "network."
        tensors.update((prefix + name, tensor) for name, tensor in network.state_dict().items())
    architectures = {role: network.architecture.model_dump(mode="json") for role, network in parts.items()}
    default = architectures.pop("", None)
    roles = {role: {"architecture": each} for role, each in architectures.items()}
    signature = next(iter(parts.values())).signature.to_meta()
    whole = {"signature": signature, "architecture": default, "roles": roles, **meta}
    return save_checkpoint(path, 1, tensors, whole)


@pytest.mark.parametrize("others", ["hider", ""])
def test_a_checkpoint_holds_a_network_for_each_role(tmp_path: Path, others: str) -> None:
    seeker, hider = network_of("lstm", seed=1), network_of(seed=2)
    path = save(tmp_path, {"seeker": seeker, others: hider})

    loaded = load_policy(path, SPEC, seed=5)

    expected = TorchPolicy([seeker if role == "seeker" else hider for role in SPEC.agent_roles], seed=5)
    for seen in observed(5):
        assert np.array_equal(loaded.act(seen), expected.act(seen))


def test_a_role_without_a_network_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, {"seeker": network_of()})

    with pytest.raises(CheckpointError, match="no network for the role hider, only for seeker"):
        load_policy(path, SPEC)


def test_a_permuted_game_is_loaded_by_name(tmp_path: Path) -> None:
    trained = replace(SIGNATURE, actions=SIGNATURE.actions[::-1])
    network = network_of("lstm", signature=trained)
    path = save(tmp_path, {"": network})

    loaded = load_policy(path, SPEC)

    last_action = SIGNATURE.plane_bytes + SIGNATURE.self_features.index("last_action")
    seen = observed(3)
    renamed = seen.copy()  # code 0 is no action, 1 the first
    renamed[..., last_action] = np.where(
        seen[..., last_action] > 0, len(trained.actions) + 1 - seen[..., last_action], 0
    )
    for each in seen[:2]:
        loaded.act(each)
    found, _ = loaded.evaluate(seen[2])
    np.testing.assert_allclose(found[:, ::-1], probabilities(network, renamed), atol=1e-5)
    assert loaded.notes == ()


def test_a_smaller_game_is_loaded_with_notes(tmp_path: Path) -> None:
    trained = replace(SIGNATURE, actions=(*SIGNATURE.actions, "jump"))
    at = SIGNATURE.self_features.index("last_action")
    scales = tuple(scale + (i == at) for i, scale in enumerate(SIGNATURE.self_scales))
    path = save(tmp_path, {"": network_of(signature=replace(trained, self_scales=scales))})

    loaded = load_policy(path, SPEC)

    assert loaded.notes == ("actions that the policy was trained with are missing here: jump",)
    assert loaded.evaluate(observed(1)[0])[0].shape == (ROWS, len(SPEC.action_names))


def test_a_masked_policy_takes_legal_actions_alone(tmp_path: Path) -> None:
    world = World(TAG, cells_for(load_map("hide_and_seek"), TAG))
    path = save(tmp_path, {"": network_of()}, masked=True)
    policy = load_policy(path, world.spec)
    free = load_policy(save(tmp_path / "free", {"": network_of()}), world.spec)
    strayed = 0

    with Batch(world, 20) as batch:
        batch.reset(0)
        for _ in range(20):
            masks = np.empty((batch.rows, len(world.spec.action_names)), np.uint8)
            batch.action_masks_into(masks)
            strayed += int((masks[np.arange(batch.rows), choose(free, batch)] == 0).sum())
            actions = take_step(policy, batch)
            assert masks[np.arange(batch.rows), actions].all()

    assert strayed > 0


def test_a_step_forgets_whose_episode_ended() -> None:
    rules = TAG.model_copy(update={"max_steps": 3})
    world = World(rules, cells_for(load_map("hide_and_seek"), rules))
    network = network_of("lstm")
    policy = TorchPolicy(network)

    with Batch(world, 2) as batch:
        batch.reset(0)
        for _ in range(3):
            take_step(policy, batch)
        assert batch.truncated.all()
        found, _ = policy.evaluate(batch.observations)
        expected = probabilities(network, batch.observations[None].copy())

    np.testing.assert_allclose(found, expected, atol=1e-5)


def play_on(policy: Policy, steps: np.ndarray) -> np.ndarray:
    return np.array([policy.act(seen) for seen in steps])


WORLD = World(TAG, cells_for(load_map("hide_and_seek"), TAG))
MAKERS: dict[str, Callable[[int], Policy]] = {
    "random": lambda seed: create_policy("random", TAG, SPEC, seed=(seed, seed + 1)),
    "noop": lambda seed: create_policy("noop", TAG, SPEC, seed=seed),
    "simple": lambda seed: create_policy("simple", TAG, SPEC, seed=seed),
    "goal-seeker": lambda seed: create_policy("goal-seeker", TAG, SPEC, seed=seed),
    "lstm": lambda seed: TorchPolicy(network_of("lstm"), seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("before", [0, 3])
def test_a_policy_goes_on_exactly_from_its_state(name: str, before: int) -> None:
    steps = observed(8)
    policy, other = MAKERS[name](1), MAKERS[name](7)
    play_on(policy, steps[:before])
    play_on(other, steps[3:5])
    state = policy.state()

    expected = play_on(policy, steps[before:])
    other.restore(state)

    assert np.array_equal(play_on(other, steps[before:]), expected)


def test_several_heads_give_an_action_each() -> None:
    signature = Signature.of_floats(4, ("left", "right", "low", "middle", "high"), (2, 3))
    policy = TorchPolicy(build_network(Architecture(hidden=(8,)), signature, seed=0))

    actions = policy.act(np.zeros((50, 4), np.float32))

    assert actions.shape == (50, 2)
    assert actions.max(axis=0).tolist() == [1, 2]
