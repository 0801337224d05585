"""The scans of Mamba, Mamba-2 and Mamba-3, the convolution before them: plain forms, and fast ones equal to them."""

from nextitem.nn.scan.choose import causal_conv, head_scan, selective_scan, ssd
from nextitem.nn.scan.rows import Rows

__all__ = ["Rows", "causal_conv", "head_scan", "selective_scan", "ssd"]
