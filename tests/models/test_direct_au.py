"""DirectAU: the conformance suite, and its two losses by hand and by plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.general.direct_au import DirectAU, uniformity
from nextitem.testing import RecommenderTests


class TestDirectAU(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return DirectAU(num_users, num_items, dim=8, uniformity_weight=0.3)


@pytest.mark.parametrize(("cosine", "wanted"), [(-1.0, -8.0), (0.0, -4.0), (1.0, 0.0)])
def test_uniformity_of_two(cosine: float, wanted: float) -> None:
    other = [cosine, math.sqrt(1 - cosine**2)]
    assert float(uniformity(torch.tensor([[1.0, 0.0], other]))) == pytest.approx(wanted)


def test_losses_are_those_of_plain_loops() -> None:
    torch.manual_seed(0)
    model = DirectAU(5, 6, dim=3, uniformity_weight=0.5)
    users, items = [1, 1, 2, 5], [1, 2, 3, 5]  # user 1 twice: a pair at distance 0
    targets = torch.tensor(items)[:, None]
    tables = [table.detach() for table in (model.user_vectors(), model.item_vectors())]
    points = [[table[node] / table[node].norm() for node in nodes] for table, nodes in zip(tables, (users, items))]  # noqa: B905
    alignment = sum(float((x - y).square().sum()) for x, y in zip(*points, strict=True)) / 4
    spread = 0.0
    for side in points:
        pairs = [math.exp(-2 * float((side[a] - side[b]).square().sum())) for b in range(4) for a in range(b)]
        spread += math.log(sum(pairs) / 6) / 2
    found = model.parts(Batch(torch.tensor(users), torch.zeros_like(targets), targets))
    assert float(found["alignment"].detach()) == pytest.approx(alignment, rel=1e-5)
    assert float(found["uniformity"].detach()) == pytest.approx(0.5 * spread, rel=1e-5)


def test_an_orthogonal_pair_is_two_apart() -> None:
    model = DirectAU(1, 1, dim=2)
    with torch.no_grad():
        model.user_embedding.weight[1], model.item_embedding.weight[1] = torch.tensor([3.0, 0]), torch.tensor([0, 0.1])
    targets = torch.ones(1, 1, dtype=torch.long)
    found = model.parts(Batch(targets[:, 0], torch.zeros_like(targets), targets))
    assert float(found["alignment"].detach()) == pytest.approx(2.0)
    assert float(found["uniformity"].detach()) == 0.0  # a single row has no pair
