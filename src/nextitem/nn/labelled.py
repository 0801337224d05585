"""LabelledLoss: an objective for pairs of users and items that say yes or no; no negative is drawn.

Sizes: N targets.
"""

from __future__ import annotations
