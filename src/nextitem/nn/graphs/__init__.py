"""Graphs: who is joined to whom, and what flows along the edges."""
