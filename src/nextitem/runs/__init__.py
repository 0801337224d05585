"""Runs: from a recipe to a run folder, and what can be done with one."""
