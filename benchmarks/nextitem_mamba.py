"""Times a Mamba block of nextitem, as peers/mamba_block.py times the others."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from block_timing import time_block

from nextitem.nn.mamba import MambaBlock

if __name__ == "__main__":
    time_block(__doc__ or "", {"nextitem": lambda d_model, d_state: MambaBlock(d_model, d_state)})
