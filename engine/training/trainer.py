"""The trainer: a batch of worlds, from the first step to the last checkpoint, in one thread.

A Trainer owns its lanes of envs, its learners and random streams, and writes its run through a writer. It
reads commands from a Controls and leaves status and frames there; it never waits for a reader.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import ConfigError, GridrlError, RunError
from engine.policies.networks import PolicyNetwork
from engine.policies.registry import create_policy
from engine.policies.signature import Signature
from engine.policies.trained import NETWORK_PREFIX
from engine.runs import (
    Checkpoint,
    Frame,
    Pause,
    Resume,
    RunState,
    RunStatus,
    SetHyper,
    SharePolicy,
    Stop,
    Writer,
    passing_reason,
    save_checkpoint,
)
from engine.sim import Batch, Episodes, World

from .checks import can_terminate
from .components.assembly import components_of
from .components.base import Components, warn
from .compute import Compute
from .config import HYPER_LIMITS, TrainerConfig
from .control import OVER, Asked, Controls
from .curriculum import Curriculum
from .learner import Learner
from .ranks import Ranks
from .report import episode_metrics, episode_records, joined, ordered, sample
from .rollout import Lane, Player, Rollout, ScriptedSeat, Seat
from .seeds import Purpose, seed_for, seeds_for
from .state import restore_state, state_meta, state_tensors
from .stopwatch import Stopwatch
from .workers import Workers

_HEARTBEAT_S = 1.0  # a paused run says that its trainer lives this often
_EPISODE_CAPACITY = 1 << 18  # finished agent-episodes kept between two drains, at most; some 50 MB
_UNSEEN_FOR = 100  # iterations: a metric that was not there by then will hardly come
_LAST = "last"
"""Why a run saves at its end."""

_LAST_PATIENCE_S = 15.0
"""How long that one is tried while the disk is full. Whoever leaves the program waits for 30 s at most."""

_SHARED = "live"
"""Folder of a run where SharePolicy leaves the present policy."""

_OF_ONE_LEARNER = frozenset({"train/updates", "train/learning_rate", "train/entropy_coefficient"})
"""Settings and counts: a mean over learners would be nobody's. Without a role, they are those of whoever has none."""

MakeBatch = Callable[[int, int, int], Batch]
"""Makes the envs of a lane: (number of the first, how many, most episodes kept until drained)."""


class Trainer:
    """One run. Make it, perhaps `restore` it, call `run` once, on one thread; then `close`."""

    def __init__(
        self,
        worlds: Sequence[World],
        config: TrainerConfig,
        writer: Writer,
        controls: Controls | None = None,
        *,
        world_names: Sequence[str] = (),
        worlds_made: int = 0,
        ranks: Ranks | None = None,
        compute: Compute | None = None,
        make_batch: MakeBatch | None = None,
    ) -> None:
        """Make everything that a run needs.

        Args:
            worlds: of one game; each episode is played on one of them.
            world_names: the map of each, as a curriculum names it.
            worlds_made: how many of them had to be made for this run, for its statistics.
            ranks: the processes that train together; this one alone by default.
            compute: where the networks are; as the settings say by default.
            make_batch: for envs that are not ours, which answer like a Batch; `worlds` is empty then.

        Raises:
            ConfigError: the settings do not fit the game.
        """
        torch.set_num_threads(config.torch_threads)
        self.config, self.writer, self.worlds = config, writer, tuple(worlds)
        self.controls = controls or Controls()
        self.ranks = ranks or Ranks()
        self.step = 0
        self.iteration = 0
        self.metrics: dict[str, float] = {}

        self.compute = compute or Compute.of(config.device, config.precision)
        self._workers = Workers(config.learner_threads, config.torch_threads)
        batches = self._batches(make_batch or self._make_batch)
        self.spec = batches[0].spec
        self.rules = self.worlds[0].rules if self.worlds else None
        self.signature = getattr(batches[0], "signature", None) or Signature.of(self.spec)  # envs not ours have one
        config.require_fit(self.spec.agent_count)
        config.require_game(self.spec.agent_roles, self.signature.encoding)
        self.generator = torch.Generator().manual_seed(seed_for(config.seed, Purpose.ACTIONS))
        rows = sum(batch.rows for batch in batches)
        heads = len(self.signature.head_sizes) or 1
        self.rollout = Rollout(batches[0], rows, config.horizon, masks=config.masks, heads=heads, compute=self.compute)
        first_rows = np.cumsum([0, *(batch.rows for batch in batches)])
        self.lanes = [Lane(self.rollout, batch, int(row)) for batch, row in zip(batches, first_rows, strict=False)]
        self.learners = self._seated(rows)
        self.curriculum = Curriculum(config.curriculum, world_names)

        self._can_terminate = self.rules is None or can_terminate(self.rules)
        self.worlds_made = worlds_made
        self.resets = config.env_count * self.spec.agent_count  # agent-episodes begun so far
        self.in_rollout = False  # some steps of one are taken
        self.drawn_from = self.generator.get_state()  # where the present rollout's random numbers began
        self.episodes: list[Episodes] = []  # drained, and not yet reported
        self._postponed: deque[Asked] = deque()  # read between rollout steps, meant for the next iteration
        self._together: list[Asked] = []  # asked of the first rank, and done once all ranks know
        self._stopping = False
        self._paused = False
        self._going = threading.Event()  # cleared while paused, for the lanes of other threads
        self._going.set()
        self._frames_due: dict[int, float] = {}  # monotonic time, by watched env
        self._started = self._reported = time.monotonic()
        self._taken_before = 0  # agent steps of the rollout at hand, by an attempt before this one
        self.stopwatch = Stopwatch()
        self.components = components_of(config, self.rules) if self.ranks.is_first else Components([])
        self._paused_s = 0.0
        self.elapsed_before = 0.0  # seconds, of the attempts before this one
        self.dropped = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, pauses left out, of all attempts."""
        return self.elapsed_before + time.monotonic() - self._started - self._paused_s

    @property
    def network(self) -> PolicyNetwork:
        """The first learner's."""
        return self.learners[0].network

    @property
    def is_exact(self) -> bool:
        """Whether its checkpoints hold the worlds: envs that are not ours cannot be saved."""
        return bool(self.worlds)

    @property
    def _all_batches(self) -> list[Batch]:
        return [lane.batch for lane in self.lanes]

    @property
    def batch(self) -> Batch:
        """The first lane's envs."""
        return self.lanes[0].batch

    def run(self) -> RunState:
        """Train until total_steps or a Stop. Returns how it ended; the writer stays open for its owner to close."""
        self._publish(RunState.TRAINING)
        self._reported = time.monotonic()
        if not self.step and not self.in_rollout:
            self.curriculum.begin(self._all_batches)
            for lane in self.lanes:
                lane.reset(self.config.seed)
        try:
            while self.step < self.config.total_steps:
                self._obey()
                if self._stopping or not self._collect():
                    break
                self._learn()
                self._report()
            self._save(_LAST)
        except BaseException as error:
            self.components.on_failure(self, error)
            raise
        self.components.on_complete(self)
        ended = RunState.STOPPED if self._stopping else RunState.FINISHED
        self._publish(ended)
        return ended

    def close(self) -> None:
        """Free the envs and the threads, and tell who still waits for the next iteration that there is none."""
        for asked in (*self._postponed, *self._together):
            asked.answer(OVER, False)
        self._postponed.clear()
        self._together.clear()
        self._workers.close()
        for lane in self.lanes:
            lane.batch.close()

    # Making

    def _batches(self, make_batch: MakeBatch) -> list[Batch]:
        """One for each learner thread, with its share of this rank's envs."""
        envs = self.ranks.share_of("env_count", self.config.env_count)
        threads = self.config.learner_threads
        if envs % threads:
            raise ConfigError(
                f"env_count {self.config.env_count} cannot be shared by {self.ranks.count} ranks of {threads} threads",
                hint=f"env_count={self.ranks.count * threads * max(1, envs // threads)} can",
            )
        first, share = self.ranks.shard.rank * envs, envs // threads
        capacity = share * self.config.horizon
        return [make_batch(first + thread * share, share, capacity) for thread in range(threads)]

    def _make_batch(self, first_env: int, count: int, episodes: int) -> Batch:
        agents = self.worlds[0].rules.agents
        return Batch(
            self.worlds,
            count,
            self.config.seed,
            first_env=first_env,
            thread_count=self.config.threads,
            episode_capacity=max(count * agents, min(episodes * agents, _EPISODE_CAPACITY)),
        )

    def _seated(self, row_count: int) -> tuple[Learner, ...]:
        """The learners, each with its seats in all lanes; and the policies that do not learn in theirs."""
        owners = [role if role in self.config.roles else "" for role in self.spec.agent_roles]
        players: list[list[Player]] = [[] for _ in self.lanes]
        learners = []
        for number, owner in enumerate(dict.fromkeys(owners)):
            agents = torch.tensor([i for i, each in enumerate(owners) if each == owner])
            settings = self.config.roles.get(owner)
            if settings is not None and settings.play is not None:
                self._seat_script(settings.play, number, agents, players)
                continue
            rows = None if len(agents) == len(owners) else _rows_of(agents, row_count, len(owners))
            rows = rows if rows is None else rows.to(self.compute.device)
            learner = Learner(
                owner,
                self.config.for_role(owner),
                self.signature,
                rows=rows,
                row_count=row_count,
                workers=self._workers,
                ranks=self.ranks,
                seed=seed_for(self.config.seed, Purpose.ROLE, number),
                compute=self.compute,
            )
            learners.append(learner)
            self._seat(learner, agents, players)
        for lane, seated in zip(self.lanes, players, strict=True):
            lane.players = seated
        return tuple(learners)

    def _seat(self, learner: Learner, agents: Tensor, players: list[list[Player]]) -> None:
        per_env = len(agents)
        first = 0
        for lane, seated in zip(self.lanes, players, strict=True):
            own = slice(first, first + lane.batch.env_count * per_env)
            first = own.stop
            seated.append(
                Seat(
                    learner.network,
                    lane,
                    None if learner.rows is None else self._index(agents, lane),
                    learner.memory[own],
                    None if learner.memories is None else learner.memories[:, own],
                    learner.length,
                    learner.last_values[own],
                )
            )

    def _index(self, agents: Tensor, lane: Lane) -> Tensor:
        return _rows_of(agents, lane.batch.rows, self.spec.agent_count).to(self.compute.device)

    def _seat_script(self, name: str, number: int, agents: Tensor, players: list[list[Player]]) -> None:
        assert self.rules is not None
        # By env: lanes and ranks change nothing.
        seeds = seeds_for(self.config.seed, Purpose.SCRIPT, number, count=self.config.env_count)
        for lane, seated in zip(self.lanes, players, strict=True):
            first = lane.batch.first_env
            policy = create_policy(name, self.rules, self.spec, seed=seeds[first : first + lane.batch.env_count])
            seated.append(ScriptedSeat(policy, lane, _rows_of(agents, lane.batch.rows, self.spec.agent_count)))

    # The iteration

    def _collect(self) -> bool:
        """Fill the rollout. False if a Stop came: what was collected stays, and goes into the checkpoint."""
        if not self.in_rollout:
            self._begin_rollout()
        self._workers.map(self._run_lane, self.lanes)
        self.stopwatch.lap("rollout")
        if any(lane.t < self.config.horizon for lane in self.lanes):
            return False
        self.in_rollout = False
        self.step += self.config.batch_size(self.spec.agent_count)
        self.iteration += 1
        return True

    def _begin_rollout(self) -> None:
        """Draw the random numbers of all actions: those of all ranks, so that their number changes nothing."""
        self.drawn_from = self.generator.get_state()
        self.draw()
        self.rollout.begin()
        for lane in self.lanes:
            lane.t = 0
        self.in_rollout = True

    def draw(self) -> None:
        uniforms, shard = self.rollout.uniforms, self.ranks.shard
        if shard.count == 1 and not self.compute.is_staged:
            torch.rand(uniforms.shape, generator=self.generator, out=uniforms)
            return
        steps, rows, heads = uniforms.shape
        drawn = torch.rand((steps, rows * shard.count, heads), generator=self.generator)
        uniforms.copy_(drawn[:, shard.rank * rows : (shard.rank + 1) * rows])

    def _run_lane(self, lane: Lane) -> None:
        """Step a lane to the end of the rollout, or until a Stop. The first lane's thread reads the commands."""
        try:
            with torch.inference_mode():
                while lane.t < self.config.horizon:
                    if lane is self.lanes[0]:
                        self._obey_between_steps()
                    else:
                        self._going.wait()
                    if self._stopping:
                        return
                    lane.advance()
                    if lane is self.lanes[0] and self.components.watches_steps:
                        self.components.on_step(self, lane.t - 1)
                    self._show(lane)
        except BaseException:
            self._stopping = True  # the other lanes end as well, a paused one too
            raise

    def _learn(self) -> None:
        """Update all learners; their metrics, by role where there are several."""
        self.metrics = {}
        for learner in self.learners:
            learner.prepare(self._learnt)
        self.components.on_rollout_end(self)
        told = self.ranks.told({learner.name: learner.hyper for learner in self.learners})
        for learner in self.learners:
            learner.hyper = told[learner.name]  # components may have changed them, and the first rank alone has any
        self.stopwatch.lap("components")
        self.rollout.upload()
        for learner in self.learners:
            learner.learn(self.rollout)
            prefix = f"{learner.name}/" if learner.name else ""
            self.metrics.update((prefix + name, value) for name, value in learner.metrics.items())
        for name in self.learners[0].metrics:
            values = [learner.metrics[name] for learner in self.learners if name in learner.metrics]
            if name not in _OF_ONE_LEARNER or len(set(values)) == 1:
                self.metrics[name] = sum(values) / len(values)
        self.stopwatch.lap("learn")

    @property
    def _learnt(self) -> int:
        """Agent steps learnt from before the rollout at hand."""
        return self.step - self.config.batch_size(self.spec.agent_count)

    def _report(self) -> None:
        """Write the iteration's metrics and episodes; fail in words if the numbers are no longer numbers."""
        fps = self._steps_a_second()
        self.drain()
        episodes, self.episodes = ordered(self.ranks.episodes(joined(self.episodes))), []
        metrics = self.metrics
        metrics["rollout/reward_per_step"] = self._reward_per_step()  # there even where no episode ended
        metrics.update(episode_metrics(episodes, self.spec, can_terminate=self._can_terminate))
        self.resets += len(episodes) + episodes.dropped
        metrics["maps/worlds"] = float(len(self.worlds))
        metrics["maps/cache_hit_rate"] = 1.0 - min(1.0, self.worlds_made * self.spec.agent_count / self.resets)
        metrics["time/total_timesteps"] = float(self.step)
        metrics["time/iterations"] = float(self.iteration)
        metrics["time/elapsed_s"] = self.elapsed_s
        metrics["time/fps"] = fps
        metrics.update(self.stopwatch.metrics())
        self.stopwatch.restart()
        self.components.on_epoch_end(self)
        metrics = self.metrics = self.ranks.told(metrics)  # the first has more of them, and schedules go by them
        if self.config.curriculum.stages:
            metrics["curriculum/stage"] = float(self.curriculum.stage + 1)
            if self.curriculum.advance(self.step, metrics, self._all_batches):
                self.event("state", self.curriculum.words())
        for learner in self.learners:
            learner.scheduler.observe({**metrics, **learner.metrics})
            self._warn_of_unseen(learner)
        self.stopwatch.lap("components")
        self.writer.metrics(self.step, metrics)
        if len(episodes) and self.config.log_episodes:
            self.writer.episodes(episode_records(sample(episodes, self.config.log_episodes), self.spec))
        self._warn_of_dropped(int(episodes.dropped))
        self._publish(RunState.TRAINING, sps=fps)
        self.stopwatch.lap("log")
        _require_finite(metrics, self.step)
        self._call_on_logged()
        self.stopwatch.lap("components")

    def _steps_a_second(self) -> float:
        """Since the last report, pauses left out: agent steps that this attempt has taken."""
        now, before = time.monotonic(), self._reported
        steps = self.config.batch_size(self.spec.agent_count) - self._taken_before
        self._reported, self._taken_before = now, 0
        return steps / max(now - before, 1e-9)

    def _call_on_logged(self) -> None:
        """Components may save now: the first rank has them, and the others join in its saves."""
        if self.ranks.is_first:
            self.components.on_logged(self)
            self.ranks.told("on")
            return
        while self.ranks.told() == "save":
            self.tensors()

    def _warn_of_unseen(self, learner: Learner) -> None:
        """Say once that a schedule or a gate waits for what nobody logs: a slip of the pen, most often."""
        if self.iteration == _UNSEEN_FOR:
            for metric in learner.scheduler.unseen():
                self.event("warning", f"no metric {metric} was logged so far: a schedule or a gate waits for it")

    def _reward_per_step(self) -> float:
        return float(self.ranks.sum(self.rollout.rewards.mean())) / self.ranks.count

    def drain(self) -> None:
        self.episodes += [lane.batch.drain_episodes() for lane in self.lanes]

    def _warn_of_dropped(self, dropped: int) -> None:
        """Say once that episode figures are incomplete; the metrics of those kept stay fair."""
        if dropped and not self.dropped:
            self.event("warning", "more episodes ended than the engine keeps between iterations", dropped=dropped)
        self.dropped += dropped

    # Commands

    def _obey(self) -> None:
        """Top of an iteration: everything that was asked, of the first rank: the others are told."""
        if self.ranks.is_first:
            while self._postponed:
                self._execute(self._postponed.popleft())
            while (asked := self.controls.take()) is not None:
                self._execute(asked)
            self._wait_while_paused()
        if self.ranks.count > 1:
            self._agree()

    def _agree(self) -> None:
        """What the first rank was asked, on all of them; the others wait here while it is paused."""
        orders = self.ranks.told(self._orders())
        while orders["paused"]:
            orders = self.ranks.told()
        self._stopping = orders["stopping"]
        for learner in self.learners:
            learner.base.update(orders["hyper"][learner.name])
        together, self._together = self._together, []
        for kind in (Checkpoint, SharePolicy):
            if orders[kind.__name__]:  # once for all who asked
                self._save_asked(kind(), [asked for asked in together if isinstance(asked.command, kind)])

    def _orders(self, *, paused: bool = False) -> dict[str, Any]:
        return {
            "paused": paused,
            "stopping": self._stopping,
            "hyper": {learner.name: learner.base for learner in self.learners},
            **{
                kind.__name__: any(isinstance(asked.command, kind) for asked in self._together)
                for kind in (Checkpoint, SharePolicy)
            },
        }

    def _obey_between_steps(self) -> None:
        """Pause and Stop at once, the rest at the top of the next iteration, in order. Several ranks do all of it
        there: they stand still together or not at all."""
        if self.ranks.count > 1:
            return
        while (asked := self.controls.take()) is not None:
            if isinstance(asked.command, Pause | Resume | Stop):
                self._execute(asked)
            else:
                self._postponed.append(asked)
        self._wait_while_paused()

    def _wait_while_paused(self) -> None:
        """Sleep on the queue."""
        if not self._paused:
            return
        self._going.clear()
        paused_at = time.monotonic()
        try:
            while self._paused and not self._stopping:
                self._publish(RunState.PAUSED)
                if self.ranks.count > 1:
                    self.ranks.told(self._orders(paused=True))  # so that they do not take it for dead
                self._show_paused()
                if (asked := self.controls.take(timeout=_HEARTBEAT_S)) is not None:
                    self._obey_paused(asked)
        except BaseException:
            self._stopping = True  # the other lanes wait for this thread, and whoever called it for them
            raise
        finally:
            self._going.set()
        self.stopwatch.skip()
        waited = time.monotonic() - paused_at
        self._paused_s += waited
        self._reported += waited
        if not self._stopping:
            self._publish(RunState.TRAINING)

    @property
    def _stands_still(self) -> bool:
        """While paused: within a rollout, other lanes may still be on their way to the end of a step."""
        return not self.in_rollout or len(self.lanes) == 1

    def _obey_paused(self, asked: Asked) -> None:
        """A paused run obeys everything at once, but for what other lanes would be disturbed by."""
        if self._stands_still or isinstance(asked.command, Pause | Resume | Stop):
            self._execute(asked)
        else:
            self._postponed.append(asked)

    def _show_paused(self) -> None:
        """Who begins to watch a run that stands still sees how it stands."""
        if self._stands_still:
            for lane in self.lanes:
                self._show(lane)

    def _execute(self, asked: Asked) -> None:
        match asked.command:
            case Pause():
                self._paused = True
                self._obeyed(asked, "paused")
            case Resume():
                self._paused = False
                self._obeyed(asked, "resumed")
            case Stop(why):
                self._stopping = True
                self._obeyed(asked, f"stop asked for{why and ': '}{why}")
            case Checkpoint() | SharePolicy() if self.ranks.count > 1:
                self._together.append(asked)
            case Checkpoint() | SharePolicy():
                self._save_asked(asked.command, [asked])
            case SetHyper(name, value):
                self._set_hyper(asked, name, value)

    def _obeyed(self, asked: Asked, words: str, **data: Any) -> None:
        """Into the run's history, with who asked; and back to whoever did."""
        self.event("command", words, **data, **_by(asked))
        asked.answer(words, True)

    def _refused(self, asked: Asked, words: str) -> None:
        self.event("warning", words, **_by(asked))
        asked.answer(words, False)

    def _save_asked(self, command: Checkpoint | SharePolicy, asked: list[Asked]) -> None:
        """What persons or screens want saved; a disk that refuses costs them this, and not the run."""
        words, done = "saved", True
        try:
            if isinstance(command, Checkpoint):
                words = self._save("asked for", by=", ".join(each.by for each in asked if each.by)).name
            else:
                self._share_policy()
        except RunError as error:
            words, done = f"not saved: {error.message}", False
            warn(self, f"{words}; training goes on", hint=error.hint)
        for each in asked:
            each.answer(words, done)

    def _set_hyper(self, asked: Asked, name: str, value: float) -> None:
        """Change a hyperparameter from the next iteration on, of all learners or of ROLE.NAME; or say why not."""
        role, _, own = name.rpartition(".")
        limits = HYPER_LIMITS.get(own)
        learners = [learner for learner in self.learners if not role or learner.name == role]
        if limits is None or not learners:
            self._refused(asked, f"{name} cannot be changed in a run; {' and '.join(HYPER_LIMITS)} can")
        elif not limits[0] <= value <= limits[1]:
            self._refused(asked, f"{name} must be {limits[0]:g} to {limits[1]:g}, not {value:g}")
        else:
            step = min(self.step, self.config.total_steps - 1)  # a schedule is above its end until the last update
            learners[0].prepare(step)
            before = learners[0].hyper[own]
            for learner in learners:
                learner.set_hyper(own, float(value), step)
            words = f"{name} {before:g} -> {value:g}"
            self._obeyed(asked, words, name=name, before=before, value=float(value))

    def _share_policy(self) -> None:
        """Leave the network, and nothing else, in a folder of its own: checkpoints are the user's."""
        network = {name: tensor for name, tensor in self._learned().items() if NETWORK_PREFIX in name}
        if not self.ranks.is_first:
            return
        self.controls.shared_policy = save_checkpoint(
            self.writer.path / _SHARED, self.step, network, self.meta(), keep=1
        )

    def _show(self, lane: Lane) -> None:
        """Put pictures of this lane's watched envs into their slots, where one is due. The latest wins."""
        watched = self.controls.watched
        if not watched:
            return
        now = time.monotonic()
        for number, fps in watched.items():
            lane_number, env = divmod(number, lane.batch.env_count)
            if lane is self.lanes[lane_number] and now >= self._frames_due.get(number, 0.0):
                self._frames_due[number] = now + 1.0 / fps
                step = self.step + lane.t * self.rollout.row_count if self.in_rollout else self.step
                self.controls.frames[number] = Frame(self.writer.run_id, step, lane.batch.look(env), env=number)

    # The record

    def _publish(self, status: RunState, *, sps: float | None = None, message: str = "") -> None:
        """Newest status, into the slot and into the run's directory."""
        message = message or self.writer.trouble
        elapsed = self.elapsed_s
        before = self.controls.status
        sps = before.sps if sps is None else sps
        self.controls.status = RunStatus(status, self.step, self.config.total_steps, sps, elapsed, message)
        self.writer.state(status, self.step, self.config.total_steps, sps=sps, message=message)
        if status is not before.status:
            self.event("state", status.label)

    def event(self, kind: str, message: str, **data: Any) -> None:
        self.writer.event(kind, message, **data)

    def checkpoint(self, why: str, *, best: bool = False) -> Path:
        """Save everything, for a component in its on_logged.

        Args:
            best: the checkpoint is the best so far: it is kept until there is a better one.

        Raises:
            RunError: the disk refuses; what was saved before is whole.
        """
        self.ranks.told("save")
        return self._save(why, best=best)

    def _save(self, why: str, *, best: bool = False, by: str = "") -> Path:
        """All ranks together."""
        keep = self.config.components.checkpointer.keep
        save = partial(self.writer.checkpoint, self.step, self.tensors(), self.meta(), keep=keep, best=best)
        path = self._insist(save) if why == _LAST else save()
        self.event("checkpoint", f"{path.name} ({why})", path=path.name, **({"by": by} if by else {}))
        return path

    def _insist(self, save: Callable[[], Path]) -> Path:
        """What was learnt is lost without this one: somebody may make room on a full disk, for a while."""
        deadline = time.monotonic() + _LAST_PATIENCE_S
        while True:
            try:
                return save()
            except RunError as error:
                reason = passing_reason(error)
                if not reason or time.monotonic() >= deadline:
                    raise
            self._publish(self.controls.status.status, message=f"{reason}: the last checkpoint is to be written")
            time.sleep(_HEARTBEAT_S)

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned, by name, and all that it takes to go on from here exactly."""
        return self._learned() | (state_tensors(self) if self.is_exact else {})

    def _learned(self) -> dict[str, Tensor]:
        return {name: tensor for learner in self.learners for name, tensor in learner.tensors().items()}

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a run with the same settings; before `run`.

        Raises:
            CheckpointError: it does not fit, or holds a policy alone.
        """
        restore_state(self, tensors, meta)
        self._taken_before = sum(lane.t * lane.batch.rows for lane in self.lanes if self.in_rollout) * self.ranks.count
        self.curriculum.restore(meta["curriculum"])
        self.curriculum.begin(self._all_batches)
        for learner in self.learners:
            learner.base.update(meta["hyper"][learner.name])
            learner.scheduler.restore(meta["schedules"][learner.name])
        self.components.restore(self, meta["components"])

    def meta(self) -> dict[str, Any]:
        """What a checkpoint must say beside its tensors."""
        own = {learner.name: learner.config.policy.model_dump(mode="json") for learner in self.learners}
        return {
            "name": self.writer.run_id,
            "step": self.step,
            "iteration": self.iteration,
            "config": self.config.model_dump(mode="json"),
            "architecture": own.pop("", None),
            "roles": {role: {"architecture": architecture} for role, architecture in own.items()},
            "signature": self.signature.to_meta(),
            "masked": self.config.masks,
            "hyper": {learner.name: learner.base for learner in self.learners},
            "schedules": {learner.name: learner.scheduler.state() for learner in self.learners},
            "components": self.components.state(self),
            "curriculum": self.curriculum.state(),
            "state": state_meta(self) if self.is_exact else None,
        }


def _rows_of(agents: Tensor, row_count: int, agent_count: int) -> Tensor:
    """(rows,) of some agents of each env, ascending."""
    return (torch.arange(0, row_count, agent_count).unsqueeze(1) + agents).flatten()


def _by(asked: Asked) -> dict[str, str]:
    return {"by": asked.by} if asked.by else {}


def _require_finite(metrics: dict[str, float], step: int) -> None:
    bad = [name for name, value in metrics.items() if not np.isfinite(value)]
    if "rollout/reward_per_step" in bad:
        raise GridrlError(
            f"a reward before step {step} is not a finite number",
            hint="look at what the game pays; the last checkpoint is from before",
        )
    if bad:
        raise GridrlError(
            f"training diverged at step {step}: {bad[0]} is not a finite number",
            hint="lower learning_rate, or look at the rewards",
        )
