"""What every model must pass, the small logs on which it does, and a device that is none."""

from nextitem.testing.logs import ALL, NUM_ITEMS, batch_of, noise, ordered, tastes, timed
from nextitem.testing.other_device import other_device
from nextitem.testing.recommender import RecommenderTests

__all__ = ["ALL", "NUM_ITEMS", "RecommenderTests", "batch_of", "noise", "ordered", "other_device", "tastes", "timed"]
