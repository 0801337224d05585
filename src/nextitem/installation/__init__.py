"""Installation: what this machine and this environment give a run, and what is missing."""
