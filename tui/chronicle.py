"""What happened in a game, in sentences: kept as it is told, found again for any moment of its history. UI thread."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from tui.panes.live.events import FELT, WORDS
from tui.panes.live.words import tell_end, tell_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .play import Play

TOLD_KEPT = 2000  # moments whose sentences are kept
EVENTS_SHOWN = 12
LOOKED_BACK = 400  # steps in which events are looked for

_WORDS = {int(mark): words for mark, words in WORDS.items()}  # flags of an enum are slow


class Chronicle:
    """The sentences of one Play, by the branch and tick they belong to."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._told: OrderedDict[tuple[int, int], tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Moments that have sentences."""
        return len(self._told)

    def __contains__(self, moment: tuple[int, int]) -> bool:
        """Whether something is told of a (branch, tick)."""
        return moment in self._told

    def clear(self) -> None:
        """Another history begins."""
        self._told.clear()

    def tell(self) -> list[str]:
        """What led to the present moment: kept for all agents, returned for the selected one."""
        play = self._play
        if play.tick == play.history.first:
            return ["The beginning."]
        if play.ended is not None:
            told = [tell_end(play.rules, play.ended.episode_return, play.ended.length, play.ended.terminated)]
            self._keep(tuple(told))
            return told
        sentence = self._sentence(play.selected)
        marks = play.marks(play.tick - 1, play.tick)[0]
        noted = np.flatnonzero(marks & np.uint8(FELT)).tolist()
        words = (sentence if agent == play.selected else self._sentence(agent) for agent in noted)
        self._keep(tuple(dict.fromkeys(each for each in words if each)))
        return [sentence] if sentence else []

    def _sentence(self, agent: int) -> str:
        play = self._play
        return tell_step(play.before, play.view, play.rules, play.spec, agent, play.person)

    def _keep(self, told: tuple[str, ...]) -> None:
        if not told:
            return
        play = self._play
        self._told[play.history.owner(play.branch, play.tick), play.tick] = told
        if len(self._told) > TOLD_KEPT:
            self._told.popitem(last=False)

    def events(self) -> tuple[str, ...]:
        """What happened in this episode up to now, by its steps, the newest last."""
        play = self._play
        begin = play.start_of_episode
        first = max(play.tick - LOOKED_BACK, begin)
        felt = play.marks(first, play.tick) & np.uint8(FELT)
        found: list[str] = []
        for tick in (first + 1 + np.flatnonzero(felt.any(axis=1)))[::-1].tolist():
            found += [f"{tick - begin}  {words}" for words in self._told_at(tick, felt[tick - first - 1])[::-1]]
            if len(found) >= EVENTS_SHOWN:
                break
        return tuple(found[:EVENTS_SHOWN][::-1])

    def _told_at(self, tick: int, marks: NDArray[np.uint8]) -> list[str]:
        """The sentences of a moment; of one that only passed by, what its marks say."""
        told = self._told.get((self._play.history.owner(self._play.branch, tick), tick))
        if told is not None:
            return list(told)
        return [
            f"Agent {agent}: {', '.join(words for mark, words in _WORDS.items() if int(marks[agent]) & mark)}."
            for agent in np.flatnonzero(marks).tolist()
        ]
