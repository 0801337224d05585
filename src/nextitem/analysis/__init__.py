"""Analysis: what is in the data, and what a model makes of it."""
