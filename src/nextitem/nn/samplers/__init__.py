"""Samplers: where negative items come from."""
