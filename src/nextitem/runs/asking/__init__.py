"""Asking: what a finished run answers, to one history, to everyone, about an item, under another protocol."""
