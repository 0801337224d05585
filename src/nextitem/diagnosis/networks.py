"""Networks: what the friends beside a log are like, and whether a model can learn from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from nextitem.data.dataset import Dataset
from nextitem.data.side.triples import Triples
from nextitem.diagnosis.finding import Finding
from nextitem.diagnosis.tastes import Agreement, Homophily, check_network, measure_homophily

WORK = 20_000_000  # friends of friends that are looked at to count triangles; above it users are a sample
SAMPLE = 2_000  # of users


@dataclass(frozen=True)
class NetworkMeasures:
    users: int  # of the log
    users_joined: int  # of them, with an edge to or from another of them
    strangers: int  # users of the network that the log lacks, with an edge to or from one that it has
    edges: int  # different ones between users of the log
    outside: int  # edges to or from strangers
    out_degrees: tuple[float, ...]  # whom a joined user trusts: least, quartiles, most
    in_degrees: tuple[float, ...]  # who trusts them
    reciprocity: float | None  # share of edges that go back too; None without edges
    clustering: float | None  # mean share of pairs of a user's friends who are friends, of users with two or more
    clustering_users: int  # over which it is the mean; fewer than all in large networks
    components: int  # parts of the joined users that no edge joins
    largest: int  # users of the largest
    self_loops: int  # edges of a user to themselves
    repeats: int  # edges that stand there already
    agreement: Agreement  # of the numbering with the log's
    homophily: Homophily | None  # None where nothing can be compared


def measure_network(trust: Triples, dataset: Dataset) -> NetworkMeasures:
    """Counts of a network among the users of its log, and how alike in taste those are whom it joins."""
    own = trust.among_own()
    edges = _matrix(own)
    loops = int((own.heads == own.tails).sum())
    out, into = np.diff(edges.indptr), np.diff(edges.tocsc().indptr)
    joined = np.flatnonzero(out + into)
    parts = connected_components(edges, directed=False)[1][joined]
    sizes = np.unique_counts(parts).counts
    clustering, clustering_users = _clustering(edges)
    return NetworkMeasures(
        users=trust.num_own,
        users_joined=len(joined),
        strangers=len(trust.others),
        edges=edges.nnz,
        outside=len(trust) - len(own),
        out_degrees=_quantiles(out[joined]),
        in_degrees=_quantiles(into[joined]),
        reciprocity=int(edges.multiply(edges.T).sum()) / edges.nnz if edges.nnz else None,
        clustering=clustering,
        clustering_users=clustering_users,
        components=len(sizes),
        largest=int(sizes.max(initial=0)),
        self_loops=loops,
        repeats=len(own) - len(np.unique(own.heads.astype(np.int64) * (own.num_own + 1) + own.tails)),
        agreement=check_network(trust, dataset),
        homophily=measure_homophily(trust, dataset),
    )


def network_findings(measures: NetworkMeasures) -> list[Finding]:
    """A network that may number other users, and one whose friends are no more alike than others."""
    if measures.agreement.is_doubtful:
        return [
            Finding(
                "warning",
                "another numbering of users?",
                str(measures.agreement),
                "a network in the numbers of other users joins strangers, and models learn from them all the same",
                "--data.trust_users names a table of the two ids of a user; --data.shuffle trust shows what is left",
            )
        ]
    homophily = measures.homophily
    if homophily is None or homophily.low > 1:
        return []
    return [
        Finding(
            "note",
            "friends are no more alike",
            f"friends are {homophily.ratio:.2f} times as alike as others of the same degrees (95 % interval "
            f"{homophily.low:.2f} to {homophily.high:.2f})",
            "what friends like says no more of a user than what anybody likes",
            "compare with a model without the network, and with --data.shuffle trust",
        )
    ]


def _matrix(trust: Triples) -> csr_array:
    """(U + 1, U + 1) of ones, without edges of users to themselves."""
    is_other = trust.heads != trust.tails
    ends = (trust.heads[is_other], trust.tails[is_other])
    edges = csr_array((np.ones(len(ends[0]), np.int64), ends), shape=(trust.num_own + 1,) * 2)
    edges.sum_duplicates()
    edges.data[:] = 1
    return edges


def _clustering(edges: csr_array, seed: int = 0) -> tuple[float | None, int]:
    """Over users with two friends or more, whoever trusts whom; exact, or of a sample of them."""
    friends = csr_array(edges + edges.T)
    friends.data[:] = 1
    degrees = np.diff(friends.indptr)
    users = np.flatnonzero(degrees >= 2)
    if not len(users):
        return None, 0
    if (friends @ degrees)[users].sum() > WORK and len(users) > SAMPLE:
        users = np.sort(np.random.default_rng(seed).choice(users, SAMPLE, replace=False))
    closed = 0.0
    for some in np.array_split(users, -(-len(users) // SAMPLE)):
        mine = friends[some]
        triangles = (mine @ friends).multiply(mine).sum(axis=1)  # each pair of friends twice
        closed += float((triangles / (degrees[some] * (degrees[some] - 1))).sum())
    return closed / len(users), len(users)


def _quantiles(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(one) for one in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])) if len(values) else ()
