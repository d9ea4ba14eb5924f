"""Policies by name, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.errors import UsageError
from engine.policies.registry import create_policy, policy_names
from engine.sim import games, spec_of


def test_names_are_known() -> None:
    assert policy_names() == ("random", "noop", "simple", "goal-seeker", "trained")


def test_unknown_name_lists_the_known_ones() -> None:
    rules = games.navigation()

    with pytest.raises(UsageError, match=r"'simpel'.*random, noop, simple, goal-seeker, trained"):
        create_policy("simpel", rules, spec_of(rules))


def test_trained_needs_a_checkpoint() -> None:
    rules = games.navigation()

    with pytest.raises(UsageError, match="needs a checkpoint"):
        create_policy("trained", rules, spec_of(rules))


@pytest.mark.parametrize(
    "module",
    [
        "engine.policies.registry",
        "engine.policies.scripted",
        "engine.training.config",
        "engine.training.control",
        "engine.training.local",
    ],
)
def test_no_torch_is_loaded_by(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
