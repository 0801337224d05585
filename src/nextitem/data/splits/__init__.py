"""Splits: what is learned from, and what is asked, by place, share or time."""
