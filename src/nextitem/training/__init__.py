"""Training: the loop, early stopping, the run folder."""
