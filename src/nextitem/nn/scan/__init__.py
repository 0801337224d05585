"""The selective scan of Mamba and the causal convolution before it: plain forms, and kernels held equal to them."""

from nextitem.nn.scan.choose import causal_conv, selective_scan
from nextitem.nn.scan.rows import Rows

__all__ = ["Rows", "causal_conv", "selective_scan"]
