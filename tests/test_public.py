"""The public door: every model by name, the version, and nothing that is not there."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import nextitem as ni
from nextitem.models.catalogue import MODELS


def test_every_model_has_its_name_in_models() -> None:
    assert set(ni.models.__all__) == set(MODELS)
    assert {name: getattr(ni.models, name) for name in MODELS} == MODELS


def test_every_public_name_is_there() -> None:
    assert all(getattr(ni, name) is not None for name in ni.__all__)


def test_the_version_is_that_of_the_package() -> None:
    assert ni.__version__ == version("nextitem")


@pytest.mark.parametrize("place", [ni, ni.models])
def test_what_is_not_there_is_an_attribute_error(place: object) -> None:
    with pytest.raises(AttributeError, match="SASRek"):
        place.SASRek  # type: ignore[attr-defined]  # noqa: B018


def test_a_model_is_loaded_when_it_is_used() -> None:
    code = "import sys, nextitem as ni; ni.models; assert 'torch' not in sys.modules; ni.models.BPR; "
    code += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"
