"""Models of the order of items: which comes next."""
