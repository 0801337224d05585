"""Kernels for other processors than this one: compiled with its features masked, each agrees with its plain form; and
they become machine code of AVX-512 and of ARM, whose wide registers it uses.

Slow, for all kernels are compiled anew. What a masked compiler makes runs here, since it asks for less; what is made
for other processors does not run.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AVX2 = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+f16c"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="features of x86-64"),
]

TRIES = """
import json
from nextitem.compiling import target_of_kernels
from nextitem.installation.computing import all_families
told = {"target": target_of_kernels(), "faults": {name: one.tried() for name, one in all_families().items()}}
"""
SAYS = "print(json.dumps(told))"
# Keeps what the compiler is given, and then gives it to compilers for other processors. numba's own counting of
# references has become an instruction of x86 by then, and is put back.
KEEPS = """
from numba.core.codegen import CPUCodeLibrary
optimise, kept = CPUCodeLibrary._optimize_final_module, []
def keep(library):
    kept.append(str(library._final_module))
    optimise(library)
CPUCodeLibrary._optimize_final_module = keep
"""
TRANSLATES = r"""
import re
import llvmlite.binding as llvm
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
COUNTED = r"%(\S+) = (?:tail )?call i8 @llvm\.x86\.atomic\.sub\.cc\.i64\(ptr[^%]* (%\S+), i64 1, i32 4\)"
BACK = r"%old.\1 = atomicrmw sub ptr \2, i64 1 monotonic\n %is.\1 = icmp eq i64 %old.\1, 1\n %\1 = zext i1 %is.\1 to i8"
def translated(text, triple, processor):
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    text = re.sub(COUNTED, BACK, re.sub(r'"target-(cpu|features)"="[^"]*"', "", text))
    text = re.sub('(target triple = ).*', rf'\1"{triple}"', text)
    module = llvm.parse_assembly(re.sub('(target datalayout = ).*', rf'\1"{machine.target_data}"', text))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(3))
    passes.getModulePassManager().run(module, passes)
    return machine.emit_assembly(module)
kept = [text for text in kept if "\ndefine " in text]
for triple, processor, wide in OTHERS:
    code = [translated(text, triple, processor) for text in kept]
    told[processor] = {"modules": len(code), "wide": sum(len(re.findall(wide, one)) for one in code)}
"""
OTHERS = [
    ("x86_64-unknown-linux-gnu", "skylake-avx512", "%zmm"),
    ("aarch64-unknown-linux-gnu", "neoverse-n1", r"\bv\d+\.[0-9]*s\b|\bq\d+\b"),
    ("arm64-apple-macosx", "apple-m1", r"\bv\d+\.[0-9]*s\b|\bq\d+\b|\.4s"),
]


def told(code: str, processor: str, features: str, folder: Path) -> dict[str, Any]:
    """What the code prints where the compiler knows that processor and those features alone."""
    variables = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", code + SAYS]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def agree(found: dict[str, Any]) -> bool:
    faults = {name: fault for name, fault in found["faults"].items() if fault}
    assert faults == {}
    return len(found["faults"]) >= 20


def test_kernels_agree_with_their_plain_forms_where_there_is_avx2_alone(tmp_path: Path) -> None:
    assert agree(told(TRIES, "haswell", AVX2, tmp_path))


def test_kernels_of_the_plainest_processor_agree_and_can_be_made_for_others(tmp_path: Path) -> None:
    found = told(f"OTHERS = {OTHERS!r}\n{KEEPS}{TRIES}{TRANSLATES}", "x86-64", "", tmp_path)
    assert agree(found)
    for _, processor, _ in OTHERS:
        assert found[processor]["modules"] >= 50
        assert found[processor]["wide"] >= 1000, processor
