"""Replays: films of any kind of recording, the JSON format of other viewers, and pictures to keep.

Free of Textual. A Film belongs to one thread at a time; everything else here is pure or touches the disk once.
"""

from .events import Event
from .film import Film, PicturedFilm, RecordedFilm, film_of, open_film
from .own import Annotation
from .reader import Replay, parse_replay
from .writer import SUFFIXES, document, save_replay

__all__ = [
    "SUFFIXES",
    "Annotation",
    "Event",
    "Film",
    "PicturedFilm",
    "RecordedFilm",
    "Replay",
    "document",
    "film_of",
    "open_film",
    "parse_replay",
    "save_replay",
]
