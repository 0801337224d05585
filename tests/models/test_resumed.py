"""General models that learn by gradients: training that was stopped goes on to the same weights, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nextitem.data.batches import make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Trained
from nextitem.models.general.cml import CML
from nextitem.models.general.direct_au import DirectAU
from nextitem.models.general.irgan import IRGAN
from nextitem.models.general.logistic_mf import LogisticMF
from nextitem.models.general.multi_dae import MultiDAE
from nextitem.models.general.ncl import NCL
from nextitem.models.general.ngcf import NGCF
from nextitem.models.general.pmf import PMF
from nextitem.models.general.rec_vae import RecVAE
from nextitem.models.general.sgl import SGL
from nextitem.models.general.sim_gcl import SimGCL
from nextitem.models.general.simplex import SimpleX
from nextitem.models.general.ultra_gcn import UltraGCN
from nextitem.models.general.x_sim_gcl import XSimGCL
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

LISTS = Sequences.from_lists([[1, 2, 3], [2, 1, 3], [3, 4, 2], [], [1, 2, 3, 9], [4, 5, 8], [4, 5, 1], [6, 7]])
RATINGS = np.arange(LISTS.num_interactions, dtype=np.float32) % 5
ROWS = Sequences(LISTS.items, LISTS.starts, LISTS.stops, ratings=RATINGS)
SIZES = len(ROWS), 9

MAKERS: dict[str, Callable[[], Trained]] = {
    "SimGCL": lambda: SimGCL(*SIZES, dim=4),
    "XSimGCL": lambda: XSimGCL(*SIZES, dim=4),
    "SGL": lambda: SGL(*SIZES, dim=4),
    "DirectAU": lambda: DirectAU(*SIZES, dim=4),
    "UltraGCN": lambda: UltraGCN(*SIZES, dim=4),
    "SimpleX": lambda: SimpleX(*SIZES, dim=4),
    "LogisticMF": lambda: LogisticMF(*SIZES, dim=4),
    "CML": lambda: CML(*SIZES, dim=4),
    "PMF": lambda: PMF(*SIZES, dim=4),
    "MultiDAE": lambda: MultiDAE(SIZES[1], hidden_dim=4),
    "RecVAE": lambda: RecVAE(SIZES[1], hidden_dim=4, latent_dim=3),
    "IRGAN": lambda: IRGAN(*SIZES, dim=4, warm_up_epochs=1, discriminator_epochs=2, generator_epochs=1),
    "NGCF": lambda: NGCF(*SIZES, dim=4),
    "NCL": lambda: NCL(*SIZES, dim=4),
}


def trained(name: str, path: Path, first: int, last: int) -> Trained:
    """Goes on from the checkpoint, where there is one, and leaves one."""
    torch.manual_seed(0)
    model = MAKERS[name]()
    model.prepare(TrainingData.of(ROWS, SIZES[1]))
    optimizer = make_optimizer(model, learning_rate=0.05)
    if first > 1:
        load_checkpoint(path, model, optimizer)
    batches = make_batches(model.trains_on[0], ROWS, 4, num_items=SIZES[1], wanted=model.wanted())
    list(train(model, batches, optimizer, first=first, last=last))
    save_checkpoint(path, model, optimizer, FitState(epoch=last))
    return model


@pytest.mark.parametrize("name", MAKERS)
def test_training_resumes_to_the_same_weights(name: str, tmp_path: Path) -> None:
    at_once = trained(name, tmp_path / "one", 1, 6)
    trained(name, tmp_path / "two", 1, 3)
    resumed = trained(name, tmp_path / "two", 4, 6)
    assert all(torch.equal(tensor, resumed.state_dict()[part]) for part, tensor in at_once.state_dict().items())
