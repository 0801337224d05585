"""Computing: the compiled kernels, whether they are kept and agree with their plain forms, and the devices of torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

import nextitem.nn as nn
from nextitem.compiling import are_kept, folder_of_kernels
from nextitem.evaluation import by_products, counting
from nextitem.installation.fact import Fact
from nextitem.models.catalogue import MODELS
from nextitem.nn.kernels.checking import FAMILIES, Family, are_possible
from nextitem.retrieval import exact

MIB = 2**20
CLOSE = 1e-4  # the largest difference of a sum of 64 products on a device
KERNELS = Path(*nn.__path__) / "kernels"
ANEW = "remove the folder of kept kernels, or report it: their plain forms run instead, slower, the same results"


def computing_facts(*, is_tried: bool = False, tell: Callable[[str], None] = lambda name: None) -> list[Fact]:
    """With `is_tried` every family of kernels is compiled and compared with its plain form, unless that is known; it
    takes a minute or two on a fresh machine, and no run compiles them again. `tell` hears the name of each before."""
    return [*_torch(), _kept(), *_families(is_tried, tell)]


def all_families() -> dict[str, Family]:
    """By name; each is made where its module is loaded, and the models load all but those of metrics and retrieval."""
    _ = [counting.COUNTS, by_products.RANKS, exact.PRODUCTS, *MODELS.values()]
    return dict(sorted(FAMILIES.items()))


def _families(is_tried: bool, tell: Callable[[str], None]) -> list[Fact]:
    if not are_possible():
        way = "unset NUMBA_DISABLE_JIT"
        return [Fact("kernels", "compiled", "numba compiles nothing here; plain forms run", "slow", way)]
    facts = []
    for name, family in all_families().items():
        if is_tried:
            tell(name)
            fault = family.tried()
            facts.append(
                Fact("kernels", name, f"not used: {fault}", "slow", ANEW)
                if fault
                else Fact("kernels", name, "agrees with its plain form")
            )
        else:
            found = "agrees with its plain form" if family.is_tried() else "compiled at its first use"
            facts.append(Fact("kernels", name, found))
    return facts


def _kept() -> Fact:
    folder = folder_of_kernels(KERNELS)
    if not are_kept() or folder is None:
        way = "set NUMBA_CACHE_DIR to a folder that can be written"
        return Fact("kernels", "kept", "nowhere: each process compiles them anew", "slow", way)
    sizes = [one.stat().st_size for one in folder.glob("*.nb?")] if folder.is_dir() else []
    return Fact("kernels", "kept", f"{len(sizes)} files, {sum(sizes) / MIB:.0f} MiB in {folder}")


def _torch() -> list[Fact]:
    build = (
        f"CUDA {torch.version.cuda}"
        if torch.version.cuda
        else f"ROCm {torch.version.hip}"
        if torch.version.hip
        else "CPU"
    )
    names = [f"cuda:{nth}" for nth in range(torch.cuda.device_count())]
    names += ["mps"] if torch.backends.mps.is_available() else []
    facts = [Fact("devices", "torch", f"{torch.__version__}, built for {build}; {torch.get_num_threads()} threads")]
    facts += [_device(name) for name in names]
    if not names:
        facts.append(Fact("devices", "cpu", "the only one; all that there is runs on it"))
    return facts


def _device(name: str) -> Fact:
    """A sum of products there, beside the CPU's."""
    left, right = (torch.linspace(-1, 1, 64 * 64).view(64, 64) ** power for power in (1, 3))
    called = torch.cuda.get_device_name(name) if name.startswith("cuda") else "Apple's GPU"
    way = f"take --device cpu, and see that driver and torch {torch.__version__} fit each other"
    try:
        found = (left.to(name) @ right.to(name)).cpu()
    except RuntimeError as error:
        return Fact("devices", name, f"{called}; it fails: {str(error).splitlines()[0]}", "broken", way)
    off = float((found - left @ right).abs().max())
    if not off <= CLOSE * 64:
        return Fact("devices", name, f"{called}; a product is off by {off:.2g}", "broken", way)
    return Fact("devices", name, called)
