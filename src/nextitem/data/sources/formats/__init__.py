"""Formats: readers of files. `reading.read` is the one to call; the others are what it is made of."""
