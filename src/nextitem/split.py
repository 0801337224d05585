"""Splits by name: what is learned from, and what is asked. `ni.split.leave_one_out(dataset)`."""

from nextitem.data.splits.cases import each_target, one_target, rated_targets
from nextitem.data.splits.cold import cold_items, cold_users
from nextitem.data.splits.labelled import labelled
from nextitem.data.splits.ratio import ratio_split as ratio
from nextitem.data.splits.split import leave_k_out, leave_one_out
from nextitem.data.splits.timed import at_shares, at_time, last_days, late_users
from nextitem.data.splits.timed import given_parts as given

__all__ = [
    "at_shares",
    "at_time",
    "cold_items",
    "cold_users",
    "each_target",
    "given",
    "labelled",
    "last_days",
    "late_users",
    "leave_k_out",
    "leave_one_out",
    "one_target",
    "rated_targets",
    "ratio",
]
