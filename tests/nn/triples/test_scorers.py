"""Scorers of triples: facts by hand, and all three ways to score against loops over every triple, in float64.

Sizes: E = 10 entities, R = 3 relations.
"""

from __future__ import annotations

import cmath
import math

import pytest
import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.triples import SCORERS, ComplEx, DistMult, RotatE, TransD, TransE, TransH, TransR, TripleScorer
from nextitem.nn.triples.inverses import WithInverses
from nextitem.nn.triples.rotat_e import Moduli
from nextitem.nn.triples.trans_h import off_plane, over_length

E, R, DIM = 10, 3, 6
HEAD, RELATION, TAIL = [1.0, 2.0], [0.5, -1.0], [1.0, 0.0]


def made(name: str) -> TripleScorer:
    torch.manual_seed(0)
    scorer = SCORERS[name](E, R, DIM).double()  # type: ignore[call-arg]
    for parameter in scorer.parameters():  # away from equal and identical first weights
        parameter.data += 0.3 * torch.randn_like(parameter)
    for part in scorer.modules():
        if isinstance(part, nn.Embedding):
            part.weight.data[0] = 0.0
    return scorer


every_scorer = pytest.mark.parametrize("name", SCORERS)


def row(table: nn.Embedding, number: int) -> list[float]:
    found: list[float] = table.weight[number].tolist()
    return found


def distance(scorer: TripleScorer, head: list[float], relation: list[float], tail: list[float]) -> float:
    return -sum(abs(h + r - t) for h, r, t in zip(head, relation, tail, strict=True))


def on_plane(vector: list[float], normal: list[float]) -> list[float]:
    length = math.sqrt(sum(w * w for w in normal))
    unit = [w / length for w in normal]
    along = sum(w * v for w, v in zip(unit, vector, strict=True))
    return [v - along * w for v, w in zip(vector, unit, strict=True)]


def paired(vector: list[float]) -> list[complex]:
    half = len(vector) // 2
    return [complex(a, b) for a, b in zip(vector[:half], vector[half:], strict=True)]


def plain(scorer: TripleScorer, h: int, r: int, t: int) -> float:
    """The formulas of the papers, number by number."""
    head, relation, tail = row(scorer.entities, h), row(scorer.relations, r), row(scorer.entities, t)
    if isinstance(scorer, TransE):
        return distance(scorer, head, relation, tail)
    if isinstance(scorer, TransH):
        normal = row(scorer.normals, r)
        return distance(scorer, on_plane(head, normal), relation, on_plane(tail, normal))
    if isinstance(scorer, TransR):
        matrix = scorer.matrices[r].tolist()
        mapped = [
            [sum(end[i] * matrix[i][k] for i in range(DIM)) for k in range(len(relation))] for end in (head, tail)
        ]
        return distance(scorer, mapped[0], relation, mapped[1])
    if isinstance(scorer, TransD):
        maps = row(scorer.relation_maps, r)
        placed = []
        for number, end in ((h, head), (t, tail)):
            share = sum(a * b for a, b in zip(end, row(scorer.entity_maps, number), strict=True))
            placed.append([e + share * m for e, m in zip(end, maps, strict=True)])
        return distance(scorer, placed[0], relation, placed[1])
    if isinstance(scorer, DistMult):
        return sum(a * b * c for a, b, c in zip(head, relation, tail, strict=True))
    if isinstance(scorer, ComplEx):
        products = zip(paired(head), paired(relation), paired(tail), strict=True)
        return sum((a * b * c.conjugate()).real for a, b, c in products)
    angles = [value * math.pi / scorer.spread for value in relation]
    turned = zip(paired(head), angles, paired(tail), strict=True)
    return -sum(abs(a * cmath.exp(1j * angle) - c) for a, angle, c in turned)


@every_scorer
def test_one_triple_candidates_and_all_entities_are_scored_by_the_plain_formula(name: str) -> None:
    scorer = made(name)
    heads, relations, tails = torch.tensor([[1, 3, 2], [10, 1, 4], [5, 2, 5], [7, 3, 1], [2, 3, 9]]).unbind(1)
    questions = list(zip(heads.tolist(), relations.tolist(), tails.tolist(), strict=True))
    everyone = torch.arange(1, E + 1).expand(len(heads), E)
    wanted = torch.tensor([plain(scorer, *one) for one in questions], dtype=torch.float64)
    of_tails = torch.tensor([[plain(scorer, h, r, e) for e in range(1, E + 1)] for h, r, _ in questions]).double()
    of_heads = torch.tensor([[plain(scorer, e, r, t) for e in range(1, E + 1)] for _, r, t in questions]).double()

    def close(found: Tensor, plain_form: Tensor) -> None:
        torch.testing.assert_close(found, plain_form, rtol=1e-6, atol=1e-6)

    close(scorer(heads, relations, tails), wanted)
    close(scorer(heads[:, None], relations[:, None], everyone), of_tails)
    close(scorer(everyone, relations[:, None], tails[:, None]), of_heads)
    close(scorer.against_tails(heads, relations)[:, 1:], of_tails)
    close(scorer.against_heads(relations, tails)[:, 1:], of_heads)


@every_scorer
def test_the_padding_is_never_an_answer(name: str) -> None:
    scorer, ones = made(name), torch.tensor([1, 1])
    for scores in (scorer.against_tails(ones, ones), scorer.against_heads(ones, ones)):
        assert scores.shape == (2, E + 1)
        assert scores[:, 0].tolist() == [-math.inf, -math.inf]


@every_scorer
def test_gradients_reach_every_table_and_are_finite_where_distances_are_zero(name: str) -> None:
    scorer = made(name)
    scorer.entities.weight.data[2] = scorer.entities.weight.data[1]
    scorer.relations.weight.data[1] = 0.0
    triples = torch.tensor([[1, 1, 2], [3, 2, 4], [5, 3, 6]])
    scorer(*triples.unbind(1)).sum().backward()
    for parameter in scorer.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


@every_scorer
def test_a_table_can_be_shared(name: str) -> None:
    table = nn.Embedding(E + 1, DIM, padding_idx=0)
    scorer = SCORERS[name](E, R, DIM, entities=table)  # type: ignore[call-arg]
    assert scorer.entities is table
    with pytest.raises(InputError, match=r"a table of 11 entities has 12 rows .* of 6 numbers, found \(11, 6\)"):
        SCORERS[name](E + 1, R, DIM, entities=table)  # type: ignore[call-arg]


def of(scorer: TripleScorer, head: list[float], relation: list[float], tail: list[float]) -> TripleScorer:
    scorer.entities.weight.data[1:3] = torch.tensor([head, tail])
    scorer.relations.weight.data[1] = torch.tensor(relation)
    return scorer.double()


def score(scorer: TripleScorer, *, is_swapped: bool = False) -> float:
    heads, tails = torch.tensor([2 if is_swapped else 1]), torch.tensor([1 if is_swapped else 2])
    found: float = scorer(heads, torch.tensor([1]), tails).item()
    return found


@pytest.mark.parametrize(("p", "wanted"), [(1.0, -1.5), (2.0, -math.sqrt(1.25))])
def test_trans_e_by_hand(p: float, wanted: float) -> None:
    assert score(of(TransE(2, 1, 2, p=p), HEAD, RELATION, TAIL)) == pytest.approx(wanted)


@pytest.mark.parametrize(("p", "wanted"), [(1.0, -0.74), (2.0, -math.sqrt(0.29))])
def test_trans_h_by_hand_whatever_the_length_of_the_normal(p: float, wanted: float) -> None:
    scorer = TransH(2, 1, 2, p=p)
    scorer.normals.weight.data[1] = torch.tensor([3.0, 4.0])
    assert score(of(scorer, HEAD, RELATION, TAIL)) == pytest.approx(wanted)


def test_trans_r_by_hand() -> None:
    scorer = TransR(2, 1, 2, p=2.0)
    scorer.matrices.data[1] = torch.tensor([[1.0, 0.0], [1.0, 2.0]])  # (1, 2) -> (3, 4)
    assert score(of(scorer, HEAD, RELATION, TAIL)) == pytest.approx(-math.sqrt(15.25))


def test_trans_d_by_hand() -> None:
    scorer = TransD(2, 1, 2)
    scorer.entity_maps.weight.data[1:3] = torch.tensor([[0.5, 0.0], [0.0, 1.0]])
    scorer.relation_maps.weight.data[1] = torch.tensor([1.0, -1.0])
    assert score(of(scorer, HEAD, RELATION, TAIL)) == pytest.approx(-1.5)


@pytest.mark.parametrize("relation_dim", [1, 4])
@pytest.mark.parametrize("kind", [TransR, TransD])
def test_the_space_of_relations_may_have_another_size(kind: type[TransR] | type[TransD], relation_dim: int) -> None:
    scorer, one = kind(E, R, 2, relation_dim=relation_dim), torch.tensor([1])
    assert scorer.place(one, one).shape == (1, relation_dim)
    assert scorer.against_tails(one, one)[0, 1:].isfinite().all()


def test_dist_mult_by_hand_and_it_knows_no_direction() -> None:
    scorer = of(DistMult(2, 1, 2), HEAD, RELATION, TAIL)
    assert (score(scorer), score(scorer, is_swapped=True)) == pytest.approx((0.5, 0.5))


def test_compl_ex_by_hand_and_it_knows_the_direction() -> None:
    scorer = of(ComplEx(2, 1, 2), HEAD, RELATION, TAIL)
    assert (score(scorer), score(scorer, is_swapped=True)) == pytest.approx((2.5, -1.5))


def test_rotat_e_by_hand() -> None:
    scorer = of(RotatE(2, 1, 2, spread=0.2), HEAD, [0.1], TAIL)  # a quarter turn
    assert score(scorer) == pytest.approx(-math.sqrt(10), abs=1e-4)


@pytest.mark.parametrize("kind", [ComplEx, RotatE])
def test_complex_numbers_take_an_even_dim(kind: type[ComplEx] | type[RotatE]) -> None:
    with pytest.raises(InputError, match="dim must be even, found 5; take 6"):
        kind(E, R, 5)


def test_moduli_block_by_block_are_those_of_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.nn.triples.rotat_e.BLOCK", 2 * 4 * 3)
    queries, vectors = torch.randn(2, 4), torch.randn(7, 4)
    torch.testing.assert_close(Moduli().all(queries, vectors), Moduli().match(queries[:, None], vectors))


def test_constraints_on_lengths() -> None:
    for kind, wanted in ((TransE, [1.0, 1.0]), (TransD, [1.0, 0.5])):
        scorer = kind(2, 1, 2)
        scorer.entities.weight.data[1:] = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
        scorer.constrain()
        assert scorer.entities.weight.norm(dim=1).tolist() == pytest.approx([0.0, *wanted])


def test_penalties_of_trans_h_by_hand() -> None:
    assert over_length(torch.tensor([[1.0, 2.0], [0.5, 0.5]])).tolist() == pytest.approx([4.0, 0.0])
    relations, normals = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert off_plane(relations, normals).tolist() == pytest.approx([9 / 25, 0.0])


def test_cubes_by_hand() -> None:
    one = torch.tensor([1])
    assert of(DistMult(2, 1, 2), [1.0, 2.0], [0.0, -1.0], [1.0, 0.0]).cubes(one, one, one + 1).item() == 11.0
    assert of(ComplEx(2, 1, 2), [3.0, 4.0], [0.0, -1.0], [1.0, 0.0]).cubes(one, one, one + 1).item() == 127.0


def test_inverses_answer_for_heads() -> None:
    scorer = made("DistMult")
    with pytest.raises(InputError, match="an even number, found 3"):
        WithInverses(scorer)
    doubled = WithInverses(DistMult(E, 2 * R, DIM))
    relations, tails = torch.tensor([1, 3]), torch.tensor([4, 5])
    wanted = doubled.scorer.against_tails(tails, relations + R)
    assert torch.equal(doubled.against_heads(relations, tails), wanted)
    assert doubled.both_ways(torch.tensor([[1, 2, 3]])).tolist() == [[1, 2, 3], [3, 2 + R, 1]]
