"""A film as pictures: PNG of one tick, GIF of many. Needs Pillow, which only this loads. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError

if TYPE_CHECKING:
    from types import ModuleType

_WANTED = 480  # pixels of the longer side; small maps are enlarged towards it
_MOST_COLOURS = 256  # of a picture of a GIF
_LEAST_DELAY = 20  # ms: browsers take less for "as slow as 100 ms"

Picture = NDArray[np.uint8]
"""(height, width, 3)."""


def png_of(picture: Picture) -> bytes:
    """One picture."""
    image = _pillow().fromarray(_enlarged(picture))
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def gif_of(pictures: Iterable[Picture], fps: float) -> bytes:
    """An animation that begins again at its end."""
    images = _images(pictures)
    stream = io.BytesIO()
    next(images).save(
        stream,
        "GIF",
        save_all=True,
        append_images=images,
        duration=max(round(1000 / fps), _LEAST_DELAY),
        loop=0,
        optimize=False,
    )
    return stream.getvalue()


def _images(pictures: Iterable[Picture]) -> Iterator[Any]:
    """Each with a palette of its own, exact as long as there are no more than 256 colours: sprites have few."""
    pillow = _pillow()
    for picture in pictures:
        red, green, blue = (picture[..., part].astype(np.uint32) for part in range(3))
        colours, places = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
        if len(colours) > _MOST_COLOURS:
            yield pillow.fromarray(_enlarged(picture)).quantize(_MOST_COLOURS, dither=pillow.Dither.NONE)
            continue
        pixels = _enlarged(places.reshape(red.shape).astype(np.uint8))
        image = pillow.frombytes("P", pixels.shape[::-1], pixels.tobytes())
        image.putpalette(
            np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8).tobytes()
        )
        yield image


def _enlarged(picture: Picture) -> Picture:
    by = max(1, _WANTED // max(picture.shape[:2]))
    return np.ascontiguousarray(picture.repeat(by, axis=0).repeat(by, axis=1))


def _pillow() -> ModuleType:
    try:
        from PIL import Image  # deferred: an extra
    except ImportError:
        raise RecordingError(
            "pictures need Pillow, which is not installed", hint="pip install 'gridrl-tui[pictures]'"
        ) from None
    return Image
