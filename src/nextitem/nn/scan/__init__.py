"""The scans of Mamba and Mamba-2, the causal convolution before them: plain forms, and fast ones held equal to them."""

from nextitem.nn.scan.choose import causal_conv, selective_scan, ssd
from nextitem.nn.scan.rows import Rows

__all__ = ["Rows", "causal_conv", "selective_scan", "ssd"]
