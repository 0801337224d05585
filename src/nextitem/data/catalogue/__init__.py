"""Catalogue: the public data sets by name; where each may be had, its checksum and its terms."""

from nextitem.data.catalogue.entries import CATALOGUE, FAMILIES
from nextitem.data.catalogue.finding import Found, find
from nextitem.data.catalogue.kinds import PublicData, Size

__all__ = ["CATALOGUE", "FAMILIES", "Found", "PublicData", "Size", "find"]
