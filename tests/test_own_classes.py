"""Classes of the user's own: what is no model, and what no recipe can call, is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import FILE, class_of

from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.models.base import Recommender
from nextitem.models.own import own_model


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.py:NoModel", FILE, "is a class of another kind, and a model is a class that inherits"),
        ("mine.py:nn", FILE, "is a module, and a model is a class"),
        ("mine.py:Mymodel", FILE, 'has no class "Mymodel"; did you mean "MyModel"'),
        ("mine.py:SASRec", FILE, "only imported here; name it there, as nextitem.models.sequential.sasrec:SASRec"),
        ("mine.py:Hungry", FILE, r"\*\*others: .*has no name that a recipe could give"),
        ("mine.py", FILE, "name the class in it too"),
        ("other.py:MyModel", FILE, r"other\.py, cannot be read: No such file"),
        ("mine.py:MyModel", "\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("mine.py:MyModel", "def f(:\n", "line 1: SyntaxError"),
        ("mine.py:MyModel", "import nothing_of_this_name\n", "line 1: ModuleNotFoundError: .* PYTHONPATH"),
        ("mine.py:MyModel", "raise SystemExit(3)\n", "line 1: SystemExit: 3"),
        ("mine.txt:MyModel", FILE, "no module named|leads nowhere"),
    ],
)
def test_what_is_no_model_is_told(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(content)
    with pytest.raises(InputError, match=message):
        asked(str(tmp_path / name))


def test_a_file_that_failed_is_imported_anew(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{FILE}\nif not Path(__file__).with_name('ready').exists():\n    1 / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        class_of(tmp_path)
    (tmp_path / "ready").touch()
    assert class_of(tmp_path).__name__ == "MyModel"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("name: str = 'a'", "the model's own key, model.name; rename it"),
        ("layer=object()", "has a default that a recipe cannot write down"),
        ("layer: 'Nowhere' = 1", "the types of its arguments cannot be read"),
        ("layer, /", "has no name that a recipe could give"),
    ],
)
def test_a_constructor_that_no_recipe_can_call_is_told(tmp_path: Path, arguments: str, message: str) -> None:
    base = "from nextitem.models.base import Fitted\nclass MyModel(Fitted):\n"
    (tmp_path / "mine.py").write_text(f"{base}    def __init__(self, {arguments}): pass\n")
    with pytest.raises(InputError, match=message):
        asked(f"{tmp_path}/mine.py:MyModel")


def test_a_class_of_no_file_is_told() -> None:
    with pytest.raises(InputError, match="stands in no file"):
        own_model(type("MyModel", (Recommender,), {"__module__": "a_notebook"}))
    with pytest.raises(InputError, match="must stand at the top of"):
        own_model(type("MyModel", (Recommender,), {}))
