"""Notebooks: the text of a class that stands in no file, by which one version of it is told from another."""

from __future__ import annotations

import ast
import inspect
import linecache

from nextitem.models.base import Recommender


def text_of(model: type[Recommender]) -> str | None:
    """The text of a class, from its `class` on, as Python keeps it beside the code of its functions; None where it
    keeps none."""
    codes = [one.__code__ for one in vars(model).values() if inspect.isfunction(one)]
    texts = ("".join(linecache.getlines(code.co_filename)) for code in codes)
    return next((found for text in texts if (found := text_among(text, model.__name__)) is not None), None)


def text_among(source: str, class_name: str) -> str | None:
    """The text of the class of this name in a cell or a file, which is not run for it; None where it has none.

    >>> text_among("import os\\nclass A(B):\\n    x = 1\\n\\nprint(A)", "A")
    'class A(B):\\n    x = 1'
    """
    try:
        nodes = ast.parse(source).body
    except SyntaxError:
        return None
    found = [one for one in nodes if isinstance(one, ast.ClassDef) and one.name == class_name]
    return ast.get_source_segment(source, found[-1]) if found else None
