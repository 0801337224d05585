"""Times the Mamba blocks of nextitem, as peers/mamba_block.py times the others."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from block_timing import time_block

from nextitem.nn.mamba import MambaBlock
from nextitem.nn.mamba2 import Mamba2Block

if __name__ == "__main__":
    time_block(__doc__ or "", {"mamba": MambaBlock, "mamba2": Mamba2Block})  # heads of 64 channels
