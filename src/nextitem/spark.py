"""A run inside Spark: `ni.spark.recommend(run, frame)`."""

from nextitem.runs.asking.cluster import recommend

__all__ = ["recommend"]
