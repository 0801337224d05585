"""Several runs: planned, one after the other or side by side, compared, and blended into one."""
