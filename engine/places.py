"""Where a person's own files lie. Pure; any thread; loads next to nothing, as the first page of help names them."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def recipes_directory() -> Path:
    """`GRIDRL_RECIPES`, else `recipes` in the user's configuration. It need not exist."""
    chosen = os.environ.get("GRIDRL_RECIPES")
    # os.path's expanduser, because pathlib's raises where it knows no such home.
    return Path(os.path.expanduser(chosen)) if chosen else settings_directory() / "recipes"


def settings_directory() -> Path:
    """Where the settings of the app lie. It need not exist."""
    return platformdirs.user_config_path("gridrl")


def settings_file() -> Path:
    """`GRIDRL_SETTINGS`, else `settings.toml` there. It need not exist."""
    chosen = os.environ.get("GRIDRL_SETTINGS")
    return Path(os.path.expanduser(chosen)) if chosen else settings_directory() / "settings.toml"


def cache_directory() -> Path:
    """`GRIDRL_CACHE`, else the user's cache: what came from elsewhere and can be had again. It need not exist."""
    chosen = os.environ.get("GRIDRL_CACHE")
    return Path(os.path.expanduser(chosen)) if chosen else platformdirs.user_cache_path("gridrl")
