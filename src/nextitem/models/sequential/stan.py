"""STAN: session-based nearest neighbours with three decays: in the history, within a neighbour, and in time.

Garg et al., "Sequence and Time Aware Neighborhood for Session-based Recommendations", SIGIR 2019, arXiv:1905.10128.
Code followed: session-rec (rn5l/session-rec), its STAN and, for `idf` and `match_decay`, its VSTAN.
Departures:
- rows that end after the newest item of the history, which there are where not all is split at one time, fade as those
  that ended as long before;
- the decay by time is taken from the nearest candidate on, a factor that all candidates of a history share, so that
  where all are old they still differ;
- no decay in time unless it is asked for: the histories of users are no sessions of a few minutes;
- items of the history are scored too: whether they may come back is said where scores are ranked;
- places are counted without repeats, of which the last stays; there a repeat takes up a place;
- equally similar rows are taken by recency, then by their number.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.batches import Wanted
from nextitem.data.log.units import PER_SECOND, RANGES
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.sequential.neighbour_model import NeighbourModel

DAY = 24 * 3600  # seconds


class STAN(NeighbourModel):
    """STAN: what stands beside the newest shared items in the nearest rows, near in time too where that is asked for.

    With w = exp((i - n) / history_decay) the weight of item i of n:

    similarity = sum of w over the items that both have / sqrt(sum of w² * distinct items of the row)
    * exp(-days between them / time_decay)

    score(j) = sum over the nearest rows of similarity * exp(-places between j and the row's last shared item /
    distance_decay)

    What times count, seconds or finer, is told by their size, as where a log is read.

    Arguments:
        num_neighbours: how many of the nearest rows are followed.
        sample_size: how many rows that share an item are compared with, the most recent ones.
        history_decay: in places; lambda 1 of the paper.
        time_decay: in days, lambda 2, 5 in the paper; none: times have no part, and need not be known.
        distance_decay: in places, lambda 3.
        match_decay: in places: how a row fades whose newest shared item lies far back; none in STAN, 1.02 in VSTAN.
        idf: how much more a rare item counts: a score is multiplied by 1 + idf * ln(rows / rows with the item); 0 in
            STAN, 5 in VSTAN.
    """

    def __init__(
        self,
        num_items: int,
        num_neighbours: int = 500,
        sample_size: int = 5000,
        history_decay: float = 1.02,
        time_decay: float | None = None,
        distance_decay: float = 2.05,
        match_decay: float | None = None,
        idf: float = 0.0,
    ) -> None:
        """Defaults: session-rec's, but for `time_decay`, which is 5 days there and suits sessions of some minutes.

        Histories of users span months: on ml-100k validation NDCG@10 is .043 with 5 days, .083 with 100 and with none.
        """
        super().__init__(num_items, num_neighbours, sample_size, idf)
        for name, value in {
            "history_decay": history_decay, "time_decay": time_decay, "distance_decay": distance_decay,
            "match_decay": match_decay,
        }.items():  # fmt: skip
            if value is not None and not value > 0:
                raise InputError(f"{name} must be above 0, found {value}; a large one hardly fades")
        self.history_decay, self.time_decay = history_decay, time_decay
        self.distance_decay, self.match_decay = distance_decay, match_decay

    def wanted(self) -> Wanted:
        return Wanted(times=self.time_decay is not None, else_without_times="--model.time_decay none")

    def fit(self, train: TrainingData) -> None:
        self.wanted().refuse_missing(train.rows, "STAN with a time_decay")
        super().fit(train)

    def weights(self, places: Tensor, counts: Tensor) -> Tensor:
        weights = ((places - counts) / self.history_decay).exp().masked_fill(places == 0, 0.0)
        return weights / weights.square().sum(1, keepdim=True).sqrt().clamp(min=1)  # the newest weighs 1

    def factors(self, places: Tensor, counts: Tensor) -> Tensor:
        if self.match_decay is None:
            return super().factors(places, counts)
        return ((places - counts) / self.match_decay).exp()

    def row_norms(self, sizes: Tensor) -> Tensor:
        return sizes.rsqrt()

    def fades(self, distances: Tensor) -> Tensor:
        return (-distances / self.distance_decay).exp()

    def moments_of(self, times: Tensor) -> Tensor:
        if self.time_decay is None:
            return super().moments_of(times)
        latest = int(self.times.max()) if len(self.times) else 0
        unit = next(unit for unit, (_, end) in RANGES.items() if latest < end)
        return times.double() / (DAY * PER_SECOND[unit] * self.time_decay)
