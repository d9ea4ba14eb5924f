"""What a component is, and the Components that call them: in order, timed, and each by itself if it fails.

Owned by the trainer, called by its thread. No torch here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from engine.errors import ConfigError, GridrlError, RankLost

if TYPE_CHECKING:  # only types: the settings are read where neither torch nor the simulator is loaded
    import torch

    from engine.policies.networks import PolicyNetwork
    from engine.runs import Writer
    from engine.sim import Rules, Spec, World
    from engine.training.config import TrainerConfig
    from engine.training.rollout import Rollout

_log = logging.getLogger(__name__)


class LearnerView(Protocol):
    """What a component may use of a learner."""

    @property
    def name(self) -> str: ...
    @property
    def network(self) -> PolicyNetwork: ...
    @property
    def optimizer(self) -> torch.optim.Optimizer: ...
    @property
    def rows(self) -> torch.Tensor | None:
        """(own rows,) of the batch; None: all."""
        ...

    @property
    def hyper(self) -> dict[str, float]:
        """In force in the next update; a component may change it in on_rollout_end."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """Of its last update."""
        ...


class TrainerView(Protocol):
    """What a component may use of a trainer."""

    @property
    def config(self) -> TrainerConfig: ...
    @property
    def rules(self) -> Rules | None:
        """None: the envs are not ours."""
        ...

    @property
    def spec(self) -> Spec: ...
    @property
    def worlds(self) -> Sequence[World]: ...
    @property
    def rollout(self) -> Rollout: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def learners(self) -> Sequence[LearnerView]: ...
    @property
    def step(self) -> int:
        """Agent steps taken, whole rollouts only."""
        ...

    @property
    def iteration(self) -> int:
        """Rollouts finished: the first on_rollout_end and on_epoch_end see 1."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """Of the iteration under way; what on_epoch_end adds is logged."""
        ...

    def event(self, kind: str, message: str, **data: Any) -> None:
        """Write into the run's event log."""
        ...

    def checkpoint(self, why: str, *, best: bool = False) -> Path:
        """Save everything, in on_logged; the `best` is kept until a better one is. RunError where the disk refuses."""
        ...


class Component:
    """Something that a trainer does beside training. A subclass overrides the hooks that it needs.

    Of several ranks the first alone has any, so that one that fails is no trouble of the others: they are told what it
    set in the learners' `hyper` and added to the metrics. What it must remember across a resume goes through `state`;
    whatever influences training has to.
    """

    name: ClassVar[str]
    every: int = 1
    """Iterations between two calls of the hooks of an iteration."""

    def on_step(self, trainer: TrainerView, t: int) -> None:
        """After step t of a rollout in the first lane of envs; other lanes may be elsewhere."""

    def on_rollout_end(self, trainer: TrainerView) -> None:
        """The rollout is full, the hyperparameters are set, the update has not begun."""

    def on_epoch_end(self, trainer: TrainerView) -> None:
        """The update is done; an epoch is one rollout and the update on it. Metrics added here are logged."""

    def on_logged(self, trainer: TrainerView) -> None:
        """The iteration's metrics are written and nothing is in flight: the state can be saved."""

    def on_complete(self, trainer: TrainerView) -> None:
        """The run has finished or was stopped."""

    def on_failure(self, trainer: TrainerView, error: BaseException) -> None:
        """The run ends with this error."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps; JSON-ready."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""


_HOOKS: Final = ("on_step", "on_rollout_end", "on_epoch_end", "on_logged", "on_complete", "on_failure")
_ENDS: Final = frozenset({"on_complete", "on_failure"})  # called whatever `every` says


class Components:
    """The components of a run, in order. Owner of who is switched off and of what each has cost."""

    def __init__(self, components: Iterable[Component], clock: Callable[[], float] = time.perf_counter) -> None:
        """Take them over.

        Raises:
            ConfigError: two have one name.
        """
        parts = tuple(components)
        names = [component.name for component in parts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"two components are called {twice}", hint="give each a name of its own")
        self._components = dict(zip(names, parts, strict=True))
        self._clock = clock
        self._spent = dict.fromkeys(self._components, 0.0)  # seconds since the last on_epoch_end
        self._disabled: list[str] = []
        self._callees = {hook: [part for part in parts if _overrides(part, hook)] for hook in _HOOKS}

    @property
    def watches_steps(self) -> bool:
        """Whether anybody wants `on_step`: if not, the hot loop need not call it."""
        return bool(self._callees["on_step"])

    @property
    def disabled(self) -> tuple[str, ...]:
        """Names of those that failed."""
        return tuple(self._disabled)

    def on_step(self, trainer: TrainerView, t: int) -> None:
        """After step t of a rollout."""
        self._call("on_step", trainer, t)

    def on_rollout_end(self, trainer: TrainerView) -> None:
        """Before the update."""
        self._call("on_rollout_end", trainer)

    def on_epoch_end(self, trainer: TrainerView) -> None:
        """After the update, before its metrics are logged: adds the components' metrics and `time/component/*_ms`."""
        self._call("on_epoch_end", trainer)
        for name, spent in self._spent.items():
            if name not in self._disabled:
                trainer.metrics[f"time/component/{name}_ms"] = spent * 1e3
            self._spent[name] = 0.0

    def on_logged(self, trainer: TrainerView) -> None:
        """After the metrics are logged; what it costs is told with the next iteration."""
        self._call("on_logged", trainer)

    def on_complete(self, trainer: TrainerView) -> None:
        """At the end of a run that finished or was stopped."""
        self._call("on_complete", trainer)

    def on_failure(self, trainer: TrainerView, error: BaseException) -> None:
        """At the end of a run that failed."""
        self._call("on_failure", trainer, error)

    def state(self, trainer: TrainerView) -> dict[str, Any]:
        """For a checkpoint; JSON-ready. Who is switched off stays so after a resume, as without one."""
        states = {}
        for name, component in self._components.items():
            if name not in self._disabled:
                states[name] = self._guarded(component, "state", trainer, component.state)
        return {"disabled": list(self._disabled), "states": {name: state for name, state in states.items() if state}}

    def restore(self, trainer: TrainerView, state: Mapping[str, Any]) -> None:
        """Go on from `state()`. A component that it does not know starts afresh."""
        for name, component in self._components.items():
            if name in state["disabled"]:
                self._switch_off(component)
            elif name in state["states"]:
                self._guarded(component, "restore", trainer, component.restore, state["states"][name])

    def _call(self, hook: str, trainer: TrainerView, *arguments: Any) -> None:
        iteration = trainer.iteration + (hook == "on_step")  # a rollout under way is not counted yet
        for component in tuple(self._callees[hook]):
            if hook in _ENDS or iteration % component.every == 0:
                self._guarded(component, hook, trainer, getattr(component, hook), trainer, *arguments)

    def _guarded(
        self, component: Component, hook: str, trainer: TrainerView, call: Callable[..., Any], *arguments: Any
    ) -> Any:
        """What a component's method returns; None, and the component switched off, if it raises."""
        started = self._clock()
        try:
            return call(*arguments)
        except RankLost:  # no fault of the component
            raise
        except Exception as error:  # noqa: BLE001  # whatever a plug-in does wrong: told and logged, training goes on
            _log.exception("component %s failed in %s", component.name, hook)
            self._switch_off(component)
            words = str(error) if isinstance(error, GridrlError) else f"{type(error).__name__}: {error}"
            message = f"{component.name} failed in {hook} and is switched off: {words}"
            warn(trainer, message, component=component.name, hook=hook, error=words)
            return None
        finally:
            self._spent[component.name] += self._clock() - started

    def _switch_off(self, component: Component) -> None:
        self._disabled.append(component.name)
        for callees in self._callees.values():
            if component in callees:
                callees.remove(component)


def warn(trainer: TrainerView, message: str, **data: Any) -> None:
    """A warning into the run's event log; where the disk refuses even that, into the program's log."""
    try:
        trainer.event("warning", message, **data)
    except GridrlError:
        _log.exception("could not record: %s", message)


def _overrides(component: Component, hook: str) -> bool:
    return getattr(type(component), hook) is not getattr(Component, hook)
