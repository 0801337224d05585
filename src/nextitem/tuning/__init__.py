"""Tuning: many trials of a recipe on one split, of which validation chooses one."""
