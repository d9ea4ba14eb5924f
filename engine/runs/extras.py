"""Libraries that most people do without: asked for when they are needed, and missed in words."""

from __future__ import annotations

import importlib

from engine.errors import UsageError

from .uris import shown


def need(library: str, extra: str, uri: str) -> None:
    """Load a library of an extra.

    Raises:
        UsageError: it is not installed; with how to install it.
    """
    try:
        importlib.import_module(library)
    except ImportError:
        hint = f"pip install 'gridrl-tui[{extra}]'"
        raise UsageError(f"{shown(uri)}: {extra}:// needs {library}, which is not installed", hint=hint) from None
