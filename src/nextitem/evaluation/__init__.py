"""Evaluation: ranks, metrics of ranks, and whether a difference is real."""
