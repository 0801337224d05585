"""Parts: a recipe becomes a data set, a split, a model, batches, an objective, and the arguments of `fit`."""
