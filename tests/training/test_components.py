"""Components: called in order, timed, restored, and each by itself when it fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from engine.errors import ConfigError, GridrlError, RankLost, RunError
from engine.training.components.base import Component, Components, TrainerView

from .stand_in import Clock, StandIn

HOOKS = ["on_step", "on_rollout_end", "on_epoch_end", "on_logged", "on_complete", "on_failure"]


class Diary(Component):
    """Writes down every call, and fails in one hook if it is told to."""

    name: ClassVar[str] = "diary"

    def __init__(
        self, lines: list[str], error: BaseException | None = None, fails_in: str = "", every: int = 1
    ) -> None:
        self.lines, self.error, self.fails_in, self.every = lines, error, fails_in, every
        self.memory = 0

    def note(self, hook: str, about: object = "") -> None:
        self.lines.append(f"{self.name}.{hook}{about}")
        if hook == self.fails_in and self.error is not None:
            raise self.error

    def on_step(self, trainer: TrainerView, t: int) -> None:
        self.note("on_step", t)

    def on_rollout_end(self, trainer: TrainerView) -> None:
        self.note("on_rollout_end")

    def on_epoch_end(self, trainer: TrainerView) -> None:
        trainer.metrics[f"{self.name}/seen"] = float(trainer.iteration)
        self.note("on_epoch_end")

    def on_logged(self, trainer: TrainerView) -> None:
        self.note("on_logged")

    def on_complete(self, trainer: TrainerView) -> None:
        self.note("on_complete")

    def on_failure(self, trainer: TrainerView, error: BaseException) -> None:
        self.note("on_failure", error)

    def state(self) -> dict[str, Any]:
        self.note("state")
        return {"memory": self.memory}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.note("restore")
        self.memory = state["memory"]


class Other(Diary):
    name: ClassVar[str] = "other"


def whole_run(components: Components, trainer: StandIn) -> None:
    trainer.iterate(components, steps=2)
    components.on_complete(trainer)
    components.on_failure(trainer, GridrlError("!"))


def test_every_hook_is_called_in_its_turn_and_in_order() -> None:
    lines: list[str] = []

    whole_run(Components([Diary(lines), Other(lines)]), StandIn())

    calls = ["on_step0", "on_step1", "on_rollout_end", "on_epoch_end", "on_logged", "on_complete", "on_failure!"]
    assert lines == [f"{name}.{call}" for call in calls for name in ("diary", "other")]


def test_a_component_that_overrides_nothing_is_never_called() -> None:
    class Idle(Component):
        name: ClassVar[str] = "idle"
        every = 0  # to look at it would fail

    trainer, components = StandIn(), Components([Idle()])

    whole_run(components, trainer)

    assert not components.watches_steps
    assert (trainer.events, components.disabled) == ([], ())


def test_steps_are_watched_only_by_who_wants_them() -> None:
    assert Components([Diary([])]).watches_steps
    assert not Components([]).watches_steps


def test_every_nth_iteration_counts_from_the_first_and_the_end_always() -> None:
    lines: list[str] = []
    trainer, components = StandIn(), Components([Diary(lines, every=3)])
    told = []

    for _ in range(7):
        told.append(trainer.iterate(components, steps=1).get("diary/seen"))
    components.on_complete(trainer)

    assert told == [None, None, 3.0, None, None, 6.0, None]
    once = ["diary.on_step0", "diary.on_rollout_end", "diary.on_epoch_end", "diary.on_logged"]
    assert lines == [*once, *once, "diary.on_complete"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("error", "words"), [(ValueError("no"), "ValueError: no"), (GridrlError("full", hint="free it"), "full (free it)")]
)
def test_who_fails_is_switched_off_and_the_others_go_on(
    hook: str, error: Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []
    trainer, components = StandIn(), Components([Diary(lines, error, hook), Other(lines)])

    with caplog.at_level(logging.ERROR):
        whole_run(components, trainer)
        whole_run(components, trainer)

    message = f"diary failed in {hook} and is switched off: {words}"
    assert trainer.events == [("warning", message, {"component": "diary", "hook": hook, "error": words})]
    assert [line for line in lines if line.startswith("diary")][-1].startswith(f"diary.{hook}")
    assert sum(line.startswith(f"diary.{hook}") for line in lines) == 1
    assert sum(line.startswith("other") for line in lines) == 14
    assert components.disabled == ("diary",)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_hot_loop_hears_no_more_of_a_step_watcher_that_failed() -> None:
    components = Components([Diary([], ValueError("no"), "on_step")])

    components.on_step(StandIn(), 0)

    assert not components.watches_steps


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), RankLost("rank 1 is gone")])
def test_who_wants_to_end_the_program_is_let(error: BaseException) -> None:
    components = Components([Diary([], error, "on_epoch_end")])

    with pytest.raises(type(error)):
        components.on_epoch_end(StandIn())

    assert components.disabled == ()


def test_a_failure_that_cannot_be_recorded_is_logged_and_training_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class NoRoom(StandIn):
        def event(self, kind: str, message: str, **data: Any) -> None:
            raise RunError("the disk is full")

    components = Components([Diary([], ValueError("no"), "on_logged")])

    NoRoom().iterate(components)

    assert components.disabled == ("diary",)
    assert "could not record: diary failed in on_logged" in caplog.text


def test_costs_are_told_by_component_in_milliseconds() -> None:
    clock = Clock()

    class Slow(Component):
        name: ClassVar[str] = "slow"

        def on_rollout_end(self, trainer: TrainerView) -> None:
            clock.now += 0.25

        def on_epoch_end(self, trainer: TrainerView) -> None:
            clock.now += 0.5

        def on_logged(self, trainer: TrainerView) -> None:
            clock.now += 0.125

    trainer, components = StandIn(), Components([Slow(), Diary([])], clock)
    told = [trainer.iterate(components) for _ in range(2)]

    assert [metrics["time/component/slow_ms"] for metrics in told] == [750.0, 875.0]
    assert [metrics["time/component/diary_ms"] for metrics in told] == [0.0, 0.0]


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two components are called diary"):
        Components([Diary([]), Diary([])])


def test_state_comes_back_through_json_to_each_by_name() -> None:
    diary, other = Diary([]), Other([])
    diary.memory, other.memory = 3, 5
    kept = json.loads(json.dumps(Components([diary, other]).state(StandIn())))
    again, fresh = Other([]), Diary([])

    Components([again, fresh]).restore(StandIn(), kept)

    assert (fresh.memory, again.memory) == (3, 5)


def test_who_was_switched_off_stays_so_after_a_resume() -> None:
    trainer = StandIn()
    before = Components([Diary([], ValueError("no"), "on_epoch_end"), Other([])])
    before.on_epoch_end(trainer)
    lines: list[str] = []
    after = Components([Diary(lines), Other(lines)])

    after.restore(trainer, before.state(trainer))
    trainer.iterate(after, steps=1)

    assert after.disabled == ("diary",)
    assert not [line for line in lines if line.startswith("diary")]
    assert "other.restore" in lines


def test_a_component_that_a_checkpoint_does_not_know_starts_afresh() -> None:
    lines: list[str] = []

    Components([Diary(lines)]).restore(StandIn(), {"disabled": ["gone"], "states": {"gone_too": {}}})

    assert lines == []


@pytest.mark.parametrize("method", ["state", "restore"])
def test_who_fails_with_its_state_is_switched_off(method: str) -> None:
    trainer = StandIn()
    components = Components([Diary([], ValueError("no"), method), Other([])])

    components.restore(trainer, {"disabled": [], "states": {"diary": {"memory": 1}, "other": {"memory": 2}}})
    kept = components.state(trainer)

    assert components.disabled == ("diary",)
    assert kept == {"disabled": ["diary"], "states": {"other": {"memory": 2}}}
    assert [message for _, message, _ in trainer.events] == [
        f"diary failed in {method} and is switched off: ValueError: no"
    ]
