"""Names decide whether a network fits a game."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.errors import CheckpointError
from engine.policies.signature import Signature
from engine.sim import Encoding, games, spec_of


def test_survives_json() -> None:
    signature = Signature.of(spec_of(games.arena()))

    assert Signature.from_meta(json.loads(json.dumps(signature.to_meta()))) == signature


@pytest.mark.parametrize(
    "signature",
    [
        Signature.of(spec_of(games.arena().model_copy(update={"encoding": Encoding.TOKENS}))),
        Signature.of_floats(4, ("left", "right", "fire", "hold"), (2, 2)),
    ],
    ids=lambda signature: signature.encoding,
)
def test_other_encodings_survive_json(signature: Signature) -> None:
    assert Signature.from_meta(json.loads(json.dumps(signature.to_meta()))) == signature


def test_older_checkpoints_describe_planes_alone() -> None:
    signature = Signature.of(spec_of(games.arena()))
    meta = signature.to_meta()
    for later in ("token_count", "features", "feature_scales", "floats", "head_sizes"):
        del meta[later]

    assert Signature.from_meta(meta) == signature


def test_layout_covers_every_byte_once() -> None:
    signature = Signature.of(spec_of(games.arena()))

    covered = [byte for byte, _ in signature.scaled_self_features()]
    for group in signature.plane_groups() + signature.coded_self_groups():
        covered += range(group.start, group.start + group.count)

    assert sorted(covered) == list(range(spec_of(games.arena()).observation_size))


def test_same_game_is_accepted() -> None:
    Signature.of(spec_of(games.arena())).require_same(Signature.of(spec_of(games.arena(max_steps=7))))


def test_other_actions_are_refused_by_name() -> None:
    navigation = Signature.of(spec_of(games.navigation()))
    reordered = replace(navigation, actions=navigation.actions[::-1])

    with pytest.raises(CheckpointError, match=r"trained with the actions move_southeast.*this game has noop"):
        reordered.require_same(navigation)


def test_other_kinds_are_refused_by_name() -> None:
    navigation = Signature.of(spec_of(games.navigation()))

    with pytest.raises(CheckpointError, match="the object kinds wall, altar; this game has wall, goal"):
        replace(navigation, kinds=("wall", "altar")).require_same(navigation)


@pytest.mark.parametrize("meta", [None, 3, {}, {"planes": 1}, {"planes": ["kind"], "plane_classes": ["x"]}])
def test_damaged_meta_is_refused_in_words(meta: object) -> None:
    with pytest.raises(CheckpointError, match="the checkpoint"):
        Signature.from_meta(meta)
