"""What this machine's device computes, beside the CPU, and how fast: one command, nothing but the repository and torch.

    python benchmarks/on_device.py                      # the device that torch finds: cuda or mps
    python benchmarks/on_device.py --device cpu         # compiled kernels beside torch's plain operations
    python benchmarks/on_device.py --only check         # or: speed

check: every model (score, loss and the gradients of its parameters), every loss, every sampler (what it draws is in
range and, where it excludes, never met), attention, dropout, the scans of Mamba and, on CUDA, Triton's cross-entropy
and torch's functions that are suspected on MPS, each with the same numbers on both sides. Tolerances are of the largest
number of a tensor: 1e-3 on a device, whose float32 products may be rounded more (TF32 is switched off), 1e-4 on a CPU.
What fails is named, and the exit code is 1.

speed: training steps of SASRec (cross-entropy, and bce), GRU4Rec, BERT4Rec and Mamba4Rec at the peers' shapes (Beauty:
12,101 items, rows of 50, 256 a batch; ML-1M: 3,416 items, rows of 200, 128 a batch), full-rank evaluation, full
cross-entropy of 2,000 targets and up to a million items beside its form of blocks and torch's, and Mamba's scan beside
its plain form, torch.compile's and mamba_ssm's where these run; medians, and the peak of the memory.

Writes results/device_NAME.json.
"""

from __future__ import annotations

import argparse
import platform
import re
import sys

import torch
from contest import write_results
from device_checks import check_everything
from device_speed import measure_everything

TOLERANCES = {"cpu": 1e-4, "cuda": 1e-3, "mps": 1e-3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=TOLERANCES, help="by default the one that torch finds")
    parser.add_argument("--only", choices=("check", "speed"))
    parser.add_argument("--models", nargs="+", help="of the check: these alone")
    parser.add_argument("--seconds", type=float, default=5.0, help="that each speed is measured for")
    options = parser.parse_args()
    device = torch.device(options.device or found_device())
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    about = {"device": name_of(device), "torch": torch.__version__, "tolerance": TOLERANCES[device.type]}
    print(about)
    checks = [] if options.only == "speed" else check_everything(device, TOLERANCES[device.type], options.models)
    speeds = [] if options.only == "check" else measure_everything(device, options.seconds)
    if options.models is None and options.only is None:
        name = re.sub(r"[^a-z0-9]+", "_", name_of(device).lower()).strip("_")
        write_results(f"device_{name}.json", [*checks, *speeds], about=about)
    wrong = [row for row in checks if row["fault"]]
    print(f"{len(checks)} checks, {len(wrong)} faults")
    for row in wrong:
        print(f"{row['what']} {row['name']}: {row['fault']}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


def found_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    sys.exit("torch finds no device beside the CPU here; --device cpu compares compiled kernels with plain operations")


def name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {platform.machine()}"


if __name__ == "__main__":
    main()
