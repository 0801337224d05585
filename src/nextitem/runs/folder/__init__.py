"""The run folder: what a run leaves behind, how it is read, and what it is recognised by."""
