"""Kernels: loops compiled by numba, float32 on a CPU. Beside each stands, in torch, the plain form that defines it."""
