"""Models of a knowledge graph: what items have in common. One model a file."""
