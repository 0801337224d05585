"""Run by test_scan_gpu.py as a program of its own, for Triton reads TRITON_INTERPRET when it is imported.

interpreted.py values FOLDER     for each FOLDER/N.safetensors the results, FOLDER/N.found
interpreted.py compile BACKEND   the kernels for a GPU that need not be there
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from nextitem.nn.scan import Rows, cuda

BACKENDS = {"cuda": (80, 32), "hip": ("gfx942", 64)}


def write_values(folder: Path) -> None:
    whole = cuda.SCRATCH
    for path in sorted(folder.glob("*.safetensors")):
        given = load_file(path)
        starts, lengths, upstream = (given.pop(name) for name in ("starts", "lengths", "upstream"))
        rows = Rows(starts, lengths, len(upstream), int(lengths.max()))
        leaves = {name: turned(one).requires_grad_() for name, one in given.items()}
        cuda.SCRATCH = 1 if path.stem == "slabs" else whole  # 1: a row a launch
        y = cuda.selective_scan(**leaves, rows=rows)
        found = torch.autograd.grad(y, list(leaves.values()), turned(upstream))
        again = torch.autograd.grad(
            cuda.selective_scan(**leaves, rows=rows), list(leaves.values()), upstream.contiguous()
        )
        assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))
        both = {"y": y.detach(), **dict(zip(leaves, found, strict=True))}
        save_file({name: one.contiguous() for name, one in both.items()}, path.with_suffix(".found"))


def turned(x: torch.Tensor) -> torch.Tensor:
    """The same numbers where neighbours in a row are not neighbours in memory; a vector, with gaps."""
    return x.T.contiguous().T if x.dim() == 2 else torch.stack([x, x], 1)[:, 0]


def compile_all(backend: str) -> None:
    from triton import compile
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from nextitem.nn.kernels import scanning_gpu

    arch, warp = BACKENDS[backend]
    ones: list[dict[str, int]] = [{}, {"num_channels": 1, "num_states": 1, "longest": 1, "chunk": 1, "num_blocks": 1}]
    for kernel in (scanning_gpu.scan_forward, scanning_gpu.scan_backward, scanning_gpu.sum_parts):
        for fixed in ones:  # Triton makes a constant of an argument of 1
            size = {"block_e": 1, "block_n": 1} if fixed else {"block_e": 32, "block_n": 16}
            constants = {name: one for name, one in {**fixed, **size}.items() if name in kernel.arg_names}
            signature = {name: "constexpr" if name in constants else type_of(name) for name in kernel.arg_names}
            source: Any = ASTSource(kernel, signature, constexprs=constants)
            compile(source, target=GPUTarget(backend, arch, warp), options=cuda._BUILD)
    print("compiled")


def type_of(name: str) -> str:
    if name in ("starts", "lengths"):
        return "*i64"
    is_number = name in ("longest", "chunk", "first_row") or name.startswith(("stride_", "num_"))
    return "i32" if is_number else "*fp32"


if __name__ == "__main__":
    command, argument = sys.argv[1:]
    if command == "values":
        write_values(Path(argument))
    else:
        compile_all(argument)
