"""The line of keys: what counts now, each a button, and drawn anew only when it says something else."""

from __future__ import annotations

from pathlib import Path

from front_door import opened

from tui.widgets.key_line import KeyLine


async def test_the_keys_of_the_pane_in_front_stand_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        assert door.part(KeyLine.__name__)[0].strip() == (
            "space play  . step  , back  p you  o overlay  i why  t train  e edit  ? help"
        )

        await door.press("F4".lower())

        assert "space play" not in door.part(KeyLine.__name__)[0]
        assert "? help" in door.part(KeyLine.__name__)[0]


async def test_a_press_on_a_key_is_that_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        line = door.part(KeyLine.__name__)[0]

        await door.pilot.click("KeyLine", offset=(line.index("step"), 0))
        await door.pilot.click("KeyLine", offset=(line.index("step"), 0))
        await door.pilot.click("KeyLine", offset=(line.index(", back"), 0))
        await door.pilot.click("KeyLine", offset=(len(line) + 1, 0))  # beside all keys
        await door.settled()

        assert (door.session.play.tick, door.session.play.cursor.end) == (1, 2)


async def test_it_is_drawn_again_only_for_other_keys(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        line = door.app.query_one(KeyLine)
        asked: list[object] = []
        line.refresh = lambda *_, **__: asked.append(None) or line  # type: ignore[method-assign, assignment, func-returns-value]

        await door.press(".", "]", "v", "v")
        assert not asked

        await door.press(":")
        assert asked
