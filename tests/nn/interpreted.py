"""Run by tests of Triton's kernels as a program of its own, for Triton reads TRITON_INTERPRET when it is imported.

interpreted.py scans FOLDER             for each FOLDER/N.safetensors the results, FOLDER/N.found
interpreted.py losses FOLDER            the same of full cross-entropy
interpreted.py compile MODULE BACKEND   the kernels of a module for a GPU that need not be there
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from nextitem.nn.losses import full_score_gpu
from nextitem.nn.scan import Rows, cuda

BACKENDS = {"cuda": (80, 32), "hip": ("gfx942", 64)}
INTEGERS = ("starts", "lengths", "targets")


def write_scans(folder: Path) -> None:
    whole = cuda.SCRATCH
    for path in sorted(folder.glob("*.safetensors")):
        given = load_file(path)
        starts, lengths, upstream = (given.pop(name) for name in ("starts", "lengths", "upstream"))
        rows = Rows(starts, lengths, len(upstream), int(lengths.max()))
        cuda.SCRATCH = 1 if path.stem == "slabs" else whole  # 1: a row a launch

        def scan(rows: Rows = rows, **leaves: Tensor) -> Tensor:
            return cuda.selective_scan(**leaves, rows=rows)

        laid = {name: turned(one) for name, one in given.items()}
        write(path, scan, laid, turned(upstream))


def write_losses(folder: Path) -> None:
    whole = full_score_gpu.PROGRAMS
    for path in sorted(folder.glob("*.safetensors")):
        given = load_file(path)
        constants = {name: given.pop(name) for name in ("targets", "shares")}
        full_score_gpu.PROGRAMS = 1 if path.stem == "one part" else whole  # 1: a program walks all

        def loss(constants: dict[str, Tensor] = constants, **leaves: Tensor) -> Tensor:
            return full_score_gpu.full_cross_entropy(**leaves, **constants)

        laid = {"queries": turned(given["queries"]), "vectors": with_gaps(given["vectors"])}
        write(path, loss, laid, torch.tensor(2.0))


def write(path: Path, form: Callable[..., Tensor], given: dict[str, Tensor], upstream: Tensor) -> None:
    """The result y and all gradients, which are the same bits when they are worked out again."""
    leaves = {name: one.requires_grad_() for name, one in given.items()}
    y = form(**leaves)
    found = torch.autograd.grad(y, list(leaves.values()), upstream)
    again = torch.autograd.grad(form(**leaves), list(leaves.values()), upstream.contiguous())
    assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))
    both = {"y": y.detach(), **dict(zip(leaves, found, strict=True))}
    save_file({name: one.contiguous() for name, one in both.items()}, path.with_suffix(".found"))


def turned(x: Tensor) -> Tensor:
    """The same numbers where neighbours in a row are not neighbours in memory; a vector, with gaps."""
    return x.T.contiguous().T if x.dim() == 2 else torch.stack([x, x], 1)[:, 0]


def with_gaps(x: Tensor) -> Tensor:
    """The same rows, between which other numbers lie."""
    return torch.cat([x, x], 1)[:, : x.shape[1]]


def compile_all(module: str, backend: str) -> None:
    from triton import compile
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    arch, warp = BACKENDS[backend]
    options = {"scanning_gpu": cuda._BUILD, "softmax_gpu": full_score_gpu._BUILD}[module]
    for kernel, constants in kernels(module, backend):
        signature = {name: "constexpr" if name in constants else type_of(name) for name in kernel.arg_names}
        source: Any = ASTSource(kernel, signature, constexprs=constants)
        compile(source, target=GPUTarget(backend, arch, warp), options=options)
    print("compiled")


def kernels(module: str, backend: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each kernel with its constants: those of common sizes, and of sizes of 1, of which Triton makes constants."""
    from nextitem.nn.kernels import scanning_gpu, softmax_gpu

    if module == "scanning_gpu":
        for kernel in (scanning_gpu.scan_forward, scanning_gpu.scan_backward, scanning_gpu.sum_parts):
            yield kernel, among(kernel, {"block_e": 32, "block_n": 16})
            ones = {"num_channels": 1, "num_states": 1, "longest": 1, "chunk": 1, "num_blocks": 1}
            yield kernel, among(kernel, {**ones, "block_e": 1, "block_n": 1})
        return
    blocks = {"block_o": full_score_gpu.BLOCK, "block_w": full_score_gpu.BLOCK}
    common = {
        "block_d": full_score_gpu.MOST_PRODUCTS,
        "block_g": full_score_gpu.MOST_GRADIENT,
        "precision": "tf32x3",
        **blocks,
    }
    if backend == "hip":
        common["precision"] = "ieee"
    least = {"block_d": 16, "block_g": 16, "precision": "ieee", **blocks}
    rounded = {**common, "precision": "tf32"}
    ones = dict.fromkeys(("num_targets", "num_items", "num_own", "num_others", "dim", "stride_queries"), 1)
    for owns_items in (True, False):
        for sizes in (common, rounded, {**ones, **least}):
            yield softmax_gpu.add_gradient, among(softmax_gpu.add_gradient, {**sizes, "owns_items": owns_items})
    for sizes in (common, rounded, {**ones, **least}):
        yield softmax_gpu.sum_exponentials, among(softmax_gpu.sum_exponentials, sizes)


def among(kernel: Any, constants: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in constants.items() if name in kernel.arg_names}


def type_of(name: str) -> str:
    if name in INTEGERS:
        return "*i64"
    is_number = name in ("longest", "chunk", "first_row", "dim") or name.startswith(("stride_", "num_"))
    return "i32" if is_number or name.endswith("_of_part") else "*fp32"


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "compile":
        compile_all(*arguments)
    else:
        {"scans": write_scans, "losses": write_losses}[command](Path(arguments[0]))
