"""WRMF: weighted regularised matrix factorisation, the name that other libraries have for IALS.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, under RecStudio's name.
"""

from __future__ import annotations

from nextitem.models.general.ials import IALS


class WRMF(IALS):
    """WRMF is IALS by its other name: the same model, with the same arguments, numbers and scores.

    `alpha` is how much more than 1 a pair that was met weighs, as in RecStudio, where an epoch solves one side alone.
    """
