"""Learning: a recipe or a frame in, a model that has learned and its report out."""
