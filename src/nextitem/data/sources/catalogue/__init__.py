"""Catalogue: the public data sets by name; where each may be had, its checksum and its terms."""

from nextitem.data.sources.catalogue.entries import CATALOGUE, FAMILIES
from nextitem.data.sources.catalogue.finding import Found, find
from nextitem.data.sources.catalogue.kinds import PublicData, Size

__all__ = ["CATALOGUE", "FAMILIES", "Found", "PublicData", "Size", "find"]
