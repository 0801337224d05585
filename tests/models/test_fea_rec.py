"""FEARec: the conformance suite, its mixer beside torch's Fourier transforms and rolls, and the parts of its loss.

Sizes: B rows, N slots, H heads, D dim.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch, PrefixBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.fea_rec import AutoCorrelation, FEARec, band
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.nn.slots import Padding
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered

DIM, SLOTS, BAND = 4, 6, (1, 3)


class TestFEARec(RecommenderTests):
    epochs = 15
    padding: Padding = "learned"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return FEARec(num_items, dim=16, num_layers=2, dropout=0.0, max_length=8, padding=self.padding)


class TestZeroPadding(TestFEARec):
    padding = "zero"


def drawn(padding: Padding = "learned", lag_factor: float = 2.0) -> tuple[AutoCorrelation, Tensor]:
    torch.manual_seed(0)
    one = AutoCorrelation(SLOTS, DIM, 2, 0.0, BAND, 0.3, lag_factor, padding).double()
    return one, torch.randn(3, SLOTS, DIM, dtype=torch.float64)


def banded(x: Tensor) -> Tensor:
    """What of x (N, D) is in the band."""
    spectrum = torch.fft.rfft(x, dim=0)
    kept = torch.zeros_like(spectrum)
    kept[slice(*BAND)] = spectrum[slice(*BAND)]
    return torch.fft.irfft(kept, n=SLOTS, dim=0)


def by_torch(one: AutoCorrelation, x: Tensor, length: int = SLOTS) -> Tensor:
    """Of one row (N, D), from the oldest slot on, as the codes have it; its items are the last `length` slots."""
    is_item = torch.arange(SLOTS)[:, None] >= SLOTS - length
    query, key, value = (layer(x) for layer in (one.maps.query, one.maps.key, one.maps.value))
    if one.padding == "zero":
        query, key, value = (y * is_item for y in (query, key, value))
    spectrum = torch.fft.rfft(banded(query), dim=0) * torch.fft.rfft(banded(key), dim=0).conj()
    correlations = torch.fft.irfft(spectrum, n=SLOTS, dim=0).mean(1)  # of each lag
    largest, lags = correlations.topk(int(2.0 * math.log(SLOTS)))
    rolled = [g * value.roll(-int(lag), 0) for g, lag in zip(largest.softmax(0), lags, strict=True)]
    place = torch.arange(SLOTS)
    is_hidden = (place > place[:, None]) | (place < SLOTS - length)
    is_hidden[: SLOTS - length] = False
    attended = torch.zeros_like(x)
    query, key, value = banded(query), banded(key), banded(value)
    for channels in (slice(0, 2), slice(2, 4)):
        scores = query[:, channels] @ key[:, channels].T / math.sqrt(2)
        attended[:, channels] = scores.masked_fill(is_hidden, -torch.inf).softmax(1) @ value[:, channels]
    found: Tensor = one.maps.output(0.7 * sum(rolled, torch.zeros(())) + 0.3 * attended)
    return found


@torch.no_grad()
@pytest.mark.parametrize("padding", ["learned", "zero"])
def test_the_mixer_is_that_of_the_transforms(padding: Padding) -> None:
    one, x = drawn(padding)
    lengths = [6, 4, 1]
    wanted = torch.stack([by_torch(one, row.flip(0), n).flip(0) for row, n in zip(x, lengths, strict=True)])
    found = one(x, None, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        torch.testing.assert_close(found[row, :length], wanted[row, :length], rtol=0, atol=1e-6)
    places = torch.tensor([5, 1, 0])
    alone = one(x, places, torch.tensor(lengths))[:, 0]
    torch.testing.assert_close(alone, wanted[torch.arange(3), places], rtol=0, atol=1e-6)


@torch.no_grad()
def test_of_zero_padding_the_slots_behind_the_longest_row_need_not_be_there() -> None:
    one, x = drawn("zero")
    lengths = torch.tensor([4, 3, 2])
    fewer, all_slots = one(x[:, :4], None, lengths), one(x, None, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(fewer[row, :length], all_slots[row, :length])


@torch.no_grad()
def test_the_lags_are_those_of_each_row() -> None:
    one, x = drawn()
    torch.testing.assert_close(one.train()(x)[1:2], one(x[1:2]))
    spectra = one.waves @ x
    weights = one.lag_weights(spectra, spectra)
    assert ((weights > 0).sum(1) == 3).all()  # int(2 ln 6)
    assert not torch.equal(weights[0] > 0, weights[1] > 0) or not torch.equal(weights[0] > 0, weights[2] > 0)
    torch.testing.assert_close(weights.argmax(1), torch.zeros(3, dtype=torch.int64))  # most like itself unturned


def test_layers_see_bands_from_the_highest_down_and_one_alone_sees_all() -> None:
    assert band(50, 0, 1, 0.6) == band(50, 0, 1, 1.0) == (0, 26)
    assert [band(50, layer, 2, 1.0) for layer in range(2)] == [(0, 26), (0, 26)]
    assert [band(8, layer, 4, 0.0) for layer in range(4)] == [(3, 5), (2, 3), (1, 2), (0, 1)]


def test_the_parts_are_the_next_item_the_contrast_and_how_far_spectra_are_apart() -> None:
    torch.manual_seed(0)
    keys = {"contrast_weight": 0.5, "spectrum_weight": 0.3, "temperature": 2.0}
    model = FEARec(NUM_ITEMS, dim=8, dropout=0.0, max_length=10, **keys)  # type: ignore[arg-type]
    split = leave_one_out(ordered())
    batch = next(PrefixBatches(split.train, 16, 10, seed=1, wanted=model.wanted()).epoch(1))
    assert batch.partners is not None
    own, other = (model.encode_at(Batch.of(rows), newest_places(rows)) for rows in (batch.inputs, batch.partners))
    parts = model.parts(batch)
    assert list(parts) == ["ranking", "contrast", "spectrum"]
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    torch.testing.assert_close(parts["contrast"], 0.5 * info_nce_of_views(own, other, 2.0, batch.targets.amax(1)))
    sizes = []
    for difference in own - other:
        for number in range(5):
            angles = 2 * math.pi * number * torch.arange(8) / 8
            sizes.append(torch.hypot((difference * angles.cos()).sum(), (difference * angles.sin()).sum()) / 8**0.5)
    torch.testing.assert_close(parts["spectrum"], 0.3 * torch.stack(sizes).mean())


@pytest.mark.parametrize(
    ("given", "message"),
    [({"window": 1.5}, r"FEARec: window must lie in \[0, 1\], found 1\.5"), ({"attention_share": -1.0}, "attention_")],
)
def test_shares_that_are_none_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FEARec(NUM_ITEMS, **given)  # type: ignore[arg-type]
