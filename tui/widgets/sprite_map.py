"""The map in real pixels, for terminals with Kitty graphics or Sixel: one image, sent again when it has changed.

The library asks the terminal as it is imported, so `find_graphics` must be called before the app runs, and only where
sprites are wanted. It keeps neither the app nor the map. UI thread, but for `find_graphics`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.geometry import Size
from textual.timer import Timer
from textual.widget import Widget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

MOST_PICTURES_PER_S = 10.0  # an image of a screen is some ten kilobytes, and the terminal has to decode it


@dataclass(frozen=True)
class Graphics:
    """What the terminal can show."""

    kind: str
    """`kitty`, `sixel`, or empty: half blocks have to do."""
    words: str
    """Why there are no pixels; empty if there are."""

    def __bool__(self) -> bool:
        return bool(self.kind)


def find_graphics(environ: Mapping[str, str]) -> Graphics:
    """Ask the terminal for pixels; takes up to a quarter of a second. Call it before the app runs: the answer comes as
    if it were typed.
    """
    if "SSH_CONNECTION" in environ:
        return Graphics("", "Over SSH sprites are half blocks: an image a frame is too much for a link.")
    try:
        from textual_image import renderable  # deferred: it is optional, and its import asks the terminal
    except ImportError:
        return Graphics("", "Sprites are half blocks: with gridrl-tui[sprites] installed some terminals show pixels.")
    except (OSError, ValueError) as error:  # of a terminal that answers something else
        return Graphics("", f"Sprites are half blocks: the terminal did not say what it can ({error}).")
    kinds = {renderable.SixelImage: "sixel", renderable.TGPImage: "kitty"}
    kind = kinds.get(renderable.Image, "")
    return Graphics(
        kind, "" if kind else "Sprites are half blocks: this terminal has neither Kitty graphics nor Sixel."
    )


class SpriteMap(Widget):
    """Covers its parent with a picture. The parent's keys and mouse stay its own: events go up with the same place."""

    DEFAULT_CSS = "SpriteMap { width: 100%; height: 100%; & > * { width: 100%; height: 100%; } }"

    def __init__(self, image: Callable[[], Any] | None = None, id: str | None = None) -> None:
        """`image` makes the library's widget; the one that suits the terminal if it is not given."""
        super().__init__(id=id)
        self._make_image = image or _image_widget
        self._wanted: Picture | None = None
        self._shown: tuple[Picture, Size] | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        self._image = self._make_image()
        yield self._image

    def show(self, picture: Picture) -> None:
        """Show (height, width, 3) pixels all over it, at once or as soon as may be; those overtaken are never sent."""
        self._wanted = picture
        self._send_soon()

    def on_resize(self) -> None:
        self._send_soon()

    def _send_soon(self) -> None:
        if self._timer is None and self.size.area:
            self._send()

    def _send(self) -> None:
        """Send what is wanted, if it differs, and let nothing follow for a while."""
        self._timer = None
        wanted = self._wanted
        if wanted is None or self._is_shown(wanted):
            return
        self._shown = (wanted, self.size)
        self._image.image = _to_image(wanted, *self.size)
        self._timer = self.set_timer(1 / MOST_PICTURES_PER_S, self._send)

    def _is_shown(self, picture: Picture) -> bool:
        import numpy as np  # deferred: numpy comes after the first frame

        return self._shown is not None and self._shown[1] == self.size and np.array_equal(picture, self._shown[0])


def _image_widget() -> Any:
    from textual_image.widget import Image  # deferred: see above

    return Image()


def _to_image(picture: Picture, columns: int, lines: int) -> Any:
    """An image with the pixels that the terminal has there: enlarged by us, since the library would blur it."""
    import numpy as np
    from PIL import Image
    from textual_image._terminal import get_cell_size

    cell = get_cell_size()
    height, width = max(lines * cell.height, 1), max(columns * cell.width, 1)
    rows = np.arange(height) * picture.shape[0] // height
    across = np.arange(width) * picture.shape[1] // width
    return Image.fromarray(picture[rows][:, across])
