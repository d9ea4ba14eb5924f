"""Recipes that check the program itself within seconds; each module as in engine.recipes.prod."""
