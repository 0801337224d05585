"""What a loss asks of a model's scores, beside what the model says of them itself."""

from __future__ import annotations

from nextitem.errors import InputError
from nextitem.nn.losses.by_name import LOSSES, find_loss
from nextitem.nn.scorers import InnerProduct, VectorScorer


def asked_scorer(loss: str, model: str, own: type[VectorScorer] | None) -> type[VectorScorer] | None:
    """What a loss of the catalogue asks a model's scores to be, if it asks for anything; `own`: what the model says.

    Raises:
        InputError: the two are not the same.
    """
    asked = None if loss == "cross_entropy" else find_loss(loss).scorer
    if asked is not None and own not in (None, asked):
        others = [name for name, entry in LOSSES.items() if entry.scorer in (None, own)]
        raise InputError(
            f"loss.name: {loss} is of {asked.title}, and the scores of {model} are {own.title}; "
            f"take one of cross_entropy, {', '.join(others)}"
        )
    return asked


def agreed(scorer: VectorScorer, asked: type[VectorScorer] | None, model: str) -> VectorScorer:
    """The scorer of a model whose objective asks for one: that one in the place of the inner product.

    Raises:
        InputError: the model scores by another already.
    """
    if asked is None or isinstance(scorer, asked):
        return scorer
    if type(scorer) is not InnerProduct:
        raise InputError(
            f"the objective of {model} is of {asked.title}, and its scores are {scorer.title}; take another loss, or "
            "leave the scorer out"
        )
    return asked()
