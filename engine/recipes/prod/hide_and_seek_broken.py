"""Hide-and-seek with rewards under which the seeker gains more by watching than by catching."""

from __future__ import annotations

from engine.recipes.config import RecipeConfig
from engine.recipes.prod import hide_and_seek
from engine.sim import games


def train() -> RecipeConfig:
    """To wait a step for both catches costs (1 - 0.998) x 40 = 0.08, and watching both hiders pays 0.2.

    All but the rewards is that of hide_and_seek, where the wait costs 0.4 and watching pays 0.02. On a small map whose
    optimum is known seekers learnt just that; on this one it has not been measured.
    """
    return hide_and_seek.train().model_copy(update={"rules": games.hide_and_seek("hs_broken")})
