"""Export: a run as one file, for this library or for other programs."""
