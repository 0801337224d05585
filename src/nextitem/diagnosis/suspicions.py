"""Suspicions: what in a log is probably a mistake of its making or reading. Each check is a pure function."""

from __future__ import annotations

import numpy as np
import polars as pl

from nextitem.data.log.units import PER_SECOND
from nextitem.data.numbered import Numbered
from nextitem.diagnosis.finding import Finding

DAY = 86_400  # seconds
MOJIBAKE = r"Ã[\x{80}-\x{BF}]|Â[\x{80}-\x{BF}]|â€|\x{FFFD}"  # UTF-8 read as Latin-1, or bytes that were not UTF-8
UNITS = ((1e17, "nanoseconds", 1e9), (1e14, "microseconds", 1e6), (1e11, "milliseconds", 1e3))  # seconds below them
EARLIEST = 1e8  # seconds, 1973: an earlier newest time is hardly a Unix time


def id_suspicions(log: Numbered) -> list[Finding]:
    found = []
    for role, ids in (("user", log.user_ids), ("item", log.item_ids)):
        if ids.dtype == pl.String:
            found += [_mojibake(role, ids), _edges(role, ids), _case(role, ids)]
    return [one for one in (*found, _swapped(log)) if one is not None]


def time_suspicions(log: Numbered, now: float) -> list[Finding]:
    """`now`: seconds, against which a time lies in the future."""
    if log.times is None:
        return [
            Finding(
                "note",
                "no timestamps",
                "the log has no times; the order of its lines is taken for the order of time",
                "if the lines are in another order, every sequence and every last item is wrong",
                "name the column: --data.timestamp COLUMN",
            )
        ]
    assert log.seconds is not None
    times = log.seconds
    return [one for one in (_unit(times), _equal(log.times), _days(times), _future(times, now)) if one]


def rating_suspicions(log: Numbered) -> list[Finding]:
    if log.ratings is None or log.ratings.min() < log.ratings.max():
        return []
    return [
        Finding(
            "note",
            "constant ratings",
            f"all {len(log):,} ratings are {log.ratings[0]:g}",
            "a filter or a weight by rating does nothing",
            "leave data.min_rating and data.weight out",
        )
    ]


def _mojibake(role: str, ids: pl.Series) -> Finding | None:
    wrong = ids.filter(ids.str.contains(MOJIBAKE))
    if not len(wrong):
        return None
    return Finding(
        "warning",
        "mojibake",
        f'{len(wrong):,} {role} ids look like text in the wrong encoding, the first "{wrong[0]}"',
        "the same name in another file, such as side information, will not match",
        "read the source as UTF-8 (or as the encoding it is in) and write it anew",
    )


def _edges(role: str, ids: pl.Series) -> Finding | None:
    wrong = ids.filter(ids != ids.str.strip_chars())
    if not len(wrong):
        return None
    merged = len(ids) - ids.str.strip_chars().n_unique()
    return Finding(
        "serious" if merged else "warning",
        "spaces around ids",
        f"{len(wrong):,} {role} ids begin or end with a space, the first {wrong[0]!r}; without the spaces "
        f"{merged:,} ids fewer are left",
        f"one {role} counts as two, with half a history each" if merged else "a look-up of the plain id fails",
        "strip the column before it is read",
    )


def _case(role: str, ids: pl.Series) -> Finding | None:
    table = pl.DataFrame({"id": ids}).with_columns(low=pl.col("id").str.to_lowercase())
    twins = table.filter(pl.len().over("low") > 1).sort("low", "id")
    if not len(twins):
        return None
    return Finding(
        "warning",
        "ids that differ by case",
        f'{len(twins):,} {role} ids are equal to another but for case, such as "{twins["id"][0]}" and '
        f'"{twins["id"][1]}"',
        f"if they mean the same {role}, it counts as two",
        "lower the column before it is read, unless case has a meaning (as in hashes)",
    )


def _swapped(log: Numbered) -> Finding | None:
    """Signs that the user column holds the items. People act in bursts, and have tastes of the same order of size."""
    signs = []
    gap_user, gap_item = _median_gap(log, log.users), _median_gap(log, log.items)
    least = DAY if log.seconds is not None and not (log.seconds % DAY).any() else 1.0  # what the times can tell apart
    if gap_user is not None and gap_item is not None and gap_user > 100 * max(gap_item, least):
        signs.append(
            f"the next interaction of a user comes {gap_user:,.0f} s later (median), that of an item {gap_item:,.0f} s "
            "later, whereas people act in bursts"
        )
    top_users, top_items = _top_share(log.lengths), _top_share(log.popularity)
    if 10 * log.num_users < log.num_items and top_users > 2 * top_items and top_users > 0.1:
        signs.append(
            f"{log.num_users:,} users against {log.num_items:,} items, and the busiest 1 % of the users make "
            f"{top_users:.0%} of the log, the most popular 1 % of the items {top_items:.0%}"
        )
    if not signs:
        return None
    return Finding(
        "warning",
        "user and item swapped?",
        "; ".join(signs),
        "a model of swapped columns recommends users to items, and its figures look plausible",
        "if so, name the columns: --data.user COLUMN --data.item COLUMN",
    )


def _median_gap(log: Numbered, owners: np.ndarray) -> float | None:
    """Seconds from one interaction of an owner to its next."""
    if log.times is None:
        return None
    order = np.lexsort((log.times, owners))
    is_same = owners[order][1:] == owners[order][:-1]
    gaps = np.diff(log.times[order])[is_same]
    return float(np.median(gaps)) / PER_SECOND[log.time_unit] if len(gaps) else None


def _top_share(counts: np.ndarray) -> float:
    """The share of the largest 1 %."""
    largest = np.sort(counts)[::-1][: max(1, round(len(counts) / 100))]
    return float(largest.sum() / counts.sum())


def _unit(times: np.ndarray) -> Finding | None:
    newest = float(times.max())
    for bound, unit, factor in UNITS:
        if newest > bound:
            return Finding(
                "warning",
                "times are no seconds",
                f"the newest time is {newest:.0f}, {unit} since 1970 it seems",
                "time spans, time cuts and models of time take them for seconds",
                f"divide the column by {factor:.0f} before it is read",
            )
    if newest < EARLIEST and times.min() < newest:
        return Finding(
            "note",
            "times are no dates",
            f"times run from {times.min():g} to {newest:g}; as Unix seconds they end before 1973",
            "the order is right, dates in reports are not",
            "nothing, if only the order counts",
        )
    return None


def _equal(times: np.ndarray) -> Finding | None:
    if times.min() < times.max() or len(times) < 2:
        return None
    return Finding(
        "serious",
        "all times equal",
        f"all {len(times):,} interactions have the time {times[0]:g}",
        "the order of the log decides every sequence, although there is a time column",
        "name the right column: --data.timestamp COLUMN",
    )


def _days(times: np.ndarray) -> Finding | None:
    if times.min() == times.max() or (times % DAY).any():
        return None
    return Finding(
        "warning",
        "times are whole days",
        f"all {len(times):,} times are midnights",
        "the order within a day is the order of the log, and last items may hang on it (see the ties)",
        "keep the log's order as published, and say so beside the figures",
    )


def _future(times: np.ndarray, now: float) -> Finding | None:
    num_future = int((times > now).sum())
    if not num_future or times.max() > UNITS[-1][0]:
        return None
    return Finding(
        "warning",
        "times in the future",
        f"{num_future:,} interactions come after today, the last at {times.max():.0f}",
        "they become the last items of their users, and so the test targets",
        "leave such rows out before the log is read",
    )
