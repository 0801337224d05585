"""Examine: everything that `nextitem describe` says of a log."""

from __future__ import annotations

from dataclasses import dataclass

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.numbered import Numbered
from nextitem.data.sources.graphs_of import Graphs
from nextitem.diagnosis.cores import Left, core_table
from nextitem.diagnosis.finding import Finding
from nextitem.diagnosis.graphs import GraphMeasures, graph_findings, measure_graph
from nextitem.diagnosis.leaks import SplitLeaks, leak_table
from nextitem.diagnosis.logs import numbered_log
from nextitem.diagnosis.measures import Measures, Ties, find_ties, measure
from nextitem.diagnosis.networks import NetworkMeasures, measure_network, network_findings
from nextitem.diagnosis.order import order_suspicions
from nextitem.diagnosis.suspicions import id_suspicions, rating_suspicions, time_suspicions

ORDER = {"serious": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Examination:
    name: str
    origin: str  # where the log came from, and how it was read
    measures: Measures
    ties: Ties | None  # None without times
    cores: list[Left]
    leaks: list[SplitLeaks]
    unsplit: list[str]  # why other splits cannot be made of this log
    findings: list[Finding]  # the most serious first
    knowledge: GraphMeasures | None = None  # None without a graph
    trust: NetworkMeasures | None = None  # None without a network of users


def examine(
    data: Interactions | Dataset, name: str, origin: str, now: float, graphs: Graphs | None = None
) -> Examination:
    """`now`: seconds, against which a time lies in the future. `graphs`: what stands beside a log, in its numbers; a
    data set brings its own."""
    log = numbered_log(data)
    dataset = data if isinstance(data, Dataset) else Dataset.from_interactions(data, name)
    beside = Graphs(dataset.knowledge, dataset.trust) if graphs is None else graphs
    graph = beside.knowledge
    network = None if beside.trust is None else measure_network(beside.trust, dataset)
    measures, ties = measure(log), find_ties(log)
    leaks, unsplit = leak_table(dataset)
    findings = [
        *id_suspicions(log),
        *time_suspicions(log, now),
        *order_suspicions(log),
        *rating_suspicions(log),
        *tie_findings(ties),
        *repeat_findings(measures),
        *length_findings(log),
        *leak_findings(leaks),
        *([] if graph is None else graph_findings(graph, dataset)),
        *([] if network is None else network_findings(network)),
    ]
    findings.sort(key=lambda one: ORDER[one.severity])  # stable
    measured = None if graph is None else measure_graph(graph)
    return Examination(name, origin, measures, ties, core_table(log), leaks, unsplit, findings, measured, network)


def tie_findings(ties: Ties | None) -> list[Finding]:
    if ties is None or not max(ties.last, ties.second_last):
        return []
    share = max(ties.last, ties.second_last) / ties.cases
    return [
        Finding(
            "serious" if share > 0.05 else "warning" if share > 0.001 else "note",
            "targets hang on ties",
            f"{ties.last:,} of {ties.cases:,} test targets of leave_one_out ({ties.last / ties.cases:.1%}) and "
            f"{ties.second_last:,} validation targets ({ties.second_last / ties.cases:.1%}) would be other items if "
            "items of equal time stood in another order",
            "two tools that sort ties differently evaluate on different items, and their figures do not compare",
            "nextitem keeps the order of the log; compare with figures of the same file and a stable sort alone",
        )
    ]


def repeat_findings(measures: Measures) -> list[Finding]:
    found = []
    if measures.duplicates:
        found.append(
            Finding(
                "warning",
                "the same event twice",
                f"{measures.duplicates:,} interactions repeat an earlier one of the same user, item and time",
                "a copied row makes an item its own best predictor",
                "--data.duplicates first (it takes honest repeats away too)",
            )
        )
    if measures.repeats > measures.duplicates:
        share = measures.repeats / measures.interactions
        found.append(
            Finding(
                "note",
                "repeated items",
                f"{measures.repeats:,} interactions ({share:.1%}) are with an item that the user has met before",
                "masking seen items would make such targets impossible to find; evaluation.seen auto masks none here",
                "--data.duplicates first where only new items count, or --evaluation.seen keep",
            )
        )
    return found


def length_findings(log: Numbered) -> list[Finding]:
    short = int((log.lengths < 3).sum())
    if not short:
        return []
    return [
        Finding(
            "note",
            "short users",
            f"{short:,} of {log.num_users:,} users ({short / log.num_users:.1%}) have fewer than 3 interactions",
            "leave_one_out trains on them and never tests them",
            "--data.user_core 3 leaves them out",
        )
    ]


def leak_findings(leaks: list[SplitLeaks]) -> list[Finding]:
    first = next((one for one in leaks if one.before_training is not None), None)
    if first is None or not first.later_training or first.later_training < 0.01:
        return []
    return [
        Finding(
            "note",
            "training sees the future",
            f"{first.split}: {first.before_training:.1%} of the test targets are older than some training interaction; "
            f"on average {first.later_training:.1%} of the training data come later than a target",
            "a model learns from what others did after the moment that it is asked about",
            "--split.kind entry --split.order time holds out the newest of the whole log",
        )
    ]
