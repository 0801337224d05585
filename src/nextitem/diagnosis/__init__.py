"""The data doctor: what a log is like, what is suspicious in it, and whether two preparations are the same."""
