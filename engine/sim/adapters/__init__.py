"""The simulator under the interfaces of others, one module for each:

    gymnasium_env   GridworldEnv: gymnasium.Env, for games with one agent
    parallel_env    GridworldParallelEnv: pettingzoo.ParallelEnv, for any game
    vector_env      GridworldVectorEnv: gymnasium.vector.VectorEnv on shared arrays, and the loop of PufferLib
    sb3_vec_env     GridworldVecEnv: the VecEnv of Stable-Baselines3

Each imports the package it serves, so nothing here is imported until it is asked for by its module's name.
`missing` is what they answer where that package is not installed.
"""

from __future__ import annotations

from engine.errors import SimError

__all__ = ["missing"]


def missing(package: str, extra: str) -> SimError:
    """The error for a package of others that is not there; `extra` is ours that brings it."""
    return SimError(f"this needs {package}, which is not installed", hint=f"pip install 'gridrl-tui[{extra}]'")
