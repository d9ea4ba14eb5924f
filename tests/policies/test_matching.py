"""A network on a game with the same names in another order, with more of them or with fewer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.policies.architecture import Architecture
from engine.policies.matching import matched
from engine.policies.networks import PolicyNetwork, build_network
from engine.policies.signature import CATEGORICAL_SELF_FEATURES, Signature
from engine.sim import Encoding, games, spec_of

PLANES = Signature.of(spec_of(games.arena()))
TOKENS = Signature.of(spec_of(games.arena().model_copy(update={"encoding": Encoding.TOKENS, "tokens": 30})))
ON_PLANES = [Architecture(hidden=(16,)), Architecture(hidden=(16,), shared_trunk=False), Architecture(kind="cnn")]
ON_TOKENS = [*ON_PLANES, Architecture(kind="attention", size="tiny")]
CASES = [*((PLANES, each) for each in ON_PLANES), *((TOKENS, each) for each in ON_TOKENS)]
cases = partial(pytest.mark.parametrize, "case", CASES, ids=lambda case: f"{case[0].encoding}-{case[1].kind}")


def network_of(case: tuple[Signature, Architecture]) -> PolicyNetwork:
    """A network whose every weight counts."""
    network = build_network(case[1], case[0], seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network


# An observation as a person would tell it: {(subject, place): value}, values that are names as names.


def written(signature: Signature, seed: int) -> list[dict[tuple[str, int], str | int]]:
    """Random observations in names; the same for all signatures that have the same names in another order."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda stop: int(torch.randint(0, stop, (1,), generator=generator))  # noqa: E731
    rows = []
    for _ in range(20):
        row: dict[tuple[str, int], str | int] = {}
        planes = dict(zip(signature.planes, signature.plane_classes, strict=True))
        for name in sorted(planes):
            values = sorted(signature.value_names(name, planes[name]))
            row.update(((f"plane {name}", cell), values[draw(len(values))]) for cell in range(signature.cell_count))
        scales = dict(zip(signature.self_features, signature.self_scales, strict=True))
        for name in sorted(scales):
            named = name in CATEGORICAL_SELF_FEATURES
            values = sorted(signature.value_names(name, int(scales[name]) + 1)) if named else []
            row[f"self {name}", 0] = values[draw(len(values))] if values else draw(int(scales[name]) + 1)
        scales = dict(zip(signature.features, signature.feature_scales, strict=True))
        for name in sorted(scales):
            values = sorted(signature.value_names(name, int(scales[name]) + 1))
            place = draw(signature.window_height) * 16 + draw(signature.window_width)
            row[f"token {name}", place] = values[draw(len(values))] if values else draw(int(scales[name]) + 1)
        rows.append(row)
    return rows


def encoded(signature: Signature, rows: list[dict[tuple[str, int], str | int]]) -> Tensor:
    """The bytes by which a game tells it; of what the game does not have, nothing."""
    observations = torch.zeros((len(rows), signature.observation_size), dtype=torch.uint8)
    if signature.encoding == "tokens":
        observations[:] = 255
    for target, row in zip(observations, rows, strict=True):
        written_tokens = 0
        for (subject, place), value in row.items():
            kind, name = subject.split()
            if kind == "plane" and name in signature.planes:
                index = signature.planes.index(name)
                values = signature.value_names(name, signature.plane_classes[index])
                target[index * signature.cell_count + place] = values.index(value)
            elif kind == "self" and name in signature.self_features:
                index = signature.self_features.index(name)
                if name in CATEGORICAL_SELF_FEATURES:
                    value = signature.value_names(name, int(signature.self_scales[index]) + 1).index(value)
                target[signature.plane_bytes + index] = value
            elif kind == "token" and name in signature.features:
                index = signature.features.index(name)
                values = signature.value_names(name, int(signature.feature_scales[index]) + 1)
                code = values.index(value) if values else value
                target[3 * written_tokens : 3 * written_tokens + 3] = torch.tensor([place, index, code])
                written_tokens += 1
    return observations


def reversed_names(signature: Signature) -> Signature:
    """The same game, everything in the opposite order."""
    return replace(
        signature,
        planes=signature.planes[::-1],
        plane_classes=signature.plane_classes[::-1],
        self_features=signature.self_features[::-1],
        self_scales=signature.self_scales[::-1],
        kinds=signature.kinds[::-1],
        actions=signature.actions[::-1],
        features=signature.features[::-1],
        feature_scales=signature.feature_scales[::-1],
    )


@cases()
def test_a_permuted_game_is_played_alike_by_name(case: tuple[Signature, Architecture]) -> None:
    network, game = network_of(case), reversed_names(case[0])
    told = written(case[0], seed=0)

    fitted, notes = matched(network, game)

    before, values = network(encoded(case[0], told))
    after, same_values = fitted(encoded(game, told))
    torch.testing.assert_close(after.flip(1), before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(same_values, values, atol=1e-4, rtol=1e-4)
    by_name = [case[0].actions[i] for i in before.argmax(1)]
    assert [game.actions[i] for i in after.argmax(1)] == by_name
    assert len(set(by_name)) > 1
    assert notes == ()


def larger(signature: Signature) -> Signature:
    """The game with one more of everything, in front."""
    if signature.encoding == "tokens":
        more = replace(
            signature,
            features=("inv:gold", *signature.features),
            feature_scales=(9.0, *signature.feature_scales),
            token_count=signature.token_count + 5,
        )
    else:
        more = replace(
            signature,
            planes=("frozen", *signature.planes),
            plane_classes=(2, *signature.plane_classes),
            self_features=("inv:gold", *signature.self_features),
            self_scales=(9.0, *signature.self_scales),
        )
    more = replace(more, kinds=("fountain", *more.kinds), actions=("jump", *more.actions))
    return rescaled(more)


def rescaled(signature: Signature) -> Signature:
    """Classes and scales that follow from the names."""
    classes = {"kind": 3 + len(signature.kinds)}
    scales = {"last_action": len(signature.actions), "type_id": 2 + len(signature.kinds)}
    triples = zip(signature.planes, signature.plane_classes, strict=True)
    selves = zip(signature.self_features, signature.self_scales, strict=True)
    features = zip(signature.features, signature.feature_scales, strict=True)
    return replace(
        signature,
        plane_classes=tuple(classes.get(name, count) for name, count in triples),
        self_scales=tuple(float(scales.get(name, scale)) for name, scale in selves),
        feature_scales=tuple(float(scales.get(name, scale)) for name, scale in features),
    )


@cases()
def test_what_is_new_is_not_seen_and_never_chosen(case: tuple[Signature, Architecture]) -> None:
    network, game = network_of(case), larger(case[0])
    told = written(case[0], seed=1)
    if game.encoding == "planes":  # shown where it was not before: a token takes part in attention even so
        shown = [
            {**row, ("self inv:gold", 0): 7, **{("plane frozen", cell): "1" for cell in range(0, game.cell_count, 3)}}
            for row in told
        ]
    else:
        shown = told

    fitted, notes = matched(network, game)

    before, values = network(encoded(case[0], told))
    after, same_values = fitted(encoded(game, shown))
    torch.testing.assert_close(after[:, 1:], before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(same_values, values, atol=1e-4, rtol=1e-4)
    assert (fitted.heads.log_probs(after).exp()[:, 0] == 0).all()
    assert any("never chosen: jump" in note for note in notes)
    assert any("not seen: fountain" in note for note in notes)


@cases()
def test_what_is_missing_is_left_out(case: tuple[Signature, Architecture]) -> None:
    game = case[0]
    trained = larger(game)
    network = network_of((trained, case[1]))
    told = written(game, seed=2)

    fitted, notes = matched(network, game)

    before, _ = network(encoded(trained, told))
    after, _ = fitted(encoded(game, told))
    if game.encoding == "tokens":  # with planes, the network saw the value 0 of those that are gone
        torch.testing.assert_close(after, before[:, 1:], atol=1e-4, rtol=1e-4)
    assert torch.isfinite(after).all()
    assert any("missing here: jump" in note for note in notes)


def test_amounts_keep_their_meaning_on_another_scale() -> None:
    network = network_of((PLANES, Architecture(hidden=(16,))))
    at = PLANES.self_features.index("inv:ore")
    game = replace(PLANES, self_scales=tuple(s * (3 if i == at else 1) for i, s in enumerate(PLANES.self_scales)))
    observations = encoded(PLANES, written(PLANES, seed=3))

    fitted, notes = matched(network, game)

    for of_fitted, of_network in zip(fitted(observations), network(observations), strict=True):
        torch.testing.assert_close(of_fitted, of_network, atol=1e-4, rtol=1e-4)
    assert not torch.equal(fitted.amount_entry.weight, network.amount_entry.weight)
    assert notes == ()


def test_attention_looks_through_another_window() -> None:
    network = network_of((TOKENS, ON_TOKENS[-1]))
    game = replace(TOKENS, window_width=TOKENS.window_width + 2, window_height=TOKENS.window_height + 2)
    observations = encoded(TOKENS, written(TOKENS, seed=4))
    shifted = observations.clone()
    places = shifted.view(len(shifted), -1, 3)[:, :, 0]
    places[places != 255] += 17  # one down, one to the right: as far from the agent as before

    fitted, _ = matched(network, game)

    torch.testing.assert_close(fitted(shifted)[0], network(observations)[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window_width": 9}, "trained with a window of 11 x 11 cells; this game has 9 x 11 cells"),
        (
            {"actions": ("noop", "dance")},
            "trained with the actions move_north, .* and 1 more, which this game lacks, and without dance",
        ),
        ({"actions": ()}, "knows no action of this game"),
        ({"kinds": ("wall", "well")}, "trained with the object kinds .*, which this game lacks, and without well"),
    ],
)
def test_what_only_overlaps_is_refused_by_name(changes: dict[str, object], words: str) -> None:
    network = network_of((PLANES, Architecture(hidden=(16,))))

    with pytest.raises(CheckpointError, match=words):
        matched(network, rescaled(replace(PLANES, **changes)))


def test_all_that_differs_is_told_at_once() -> None:
    changes = {"actions": ("noop", "dance"), "kinds": ("wall", "well")}

    with pytest.raises(
        CheckpointError, match=r"with the actions .* without dance; with the object kinds .* without well"
    ):
        matched(network_of((PLANES, Architecture(hidden=(16,)))), rescaled(replace(PLANES, **changes)))


def test_another_encoding_is_refused() -> None:
    with pytest.raises(CheckpointError, match="trained with the encoding planes; this game has tokens"):
        matched(network_of((PLANES, Architecture())), TOKENS)


def test_the_same_game_keeps_its_network() -> None:
    network = network_of((PLANES, Architecture()))

    assert matched(network, replace(PLANES)) == (network, ())
