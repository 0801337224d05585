"""The public data sets by name; where each may be had, its checksum and its terms."""

from nextitem.data.sources.public.entries import FAMILIES, PUBLIC_DATA
from nextitem.data.sources.public.finding import Found, find, find_beside, find_held_out
from nextitem.data.sources.public.kinds import PublicData, Size

__all__ = ["FAMILIES", "PUBLIC_DATA", "Found", "PublicData", "Size", "find", "find_beside", "find_held_out"]
