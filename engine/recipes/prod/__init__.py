"""Recipes that are tested: each module has a docstring, whose first line is shown in lists, and a `train()`."""
