"""Recipes that nobody has promised anything about; each module as in engine.recipes.prod."""
