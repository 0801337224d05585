"""datasets, describe and compare-data, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTITEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NEXTITEM_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "120")


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def log_file(folder: Path, name: str, rows: list[str]) -> str:
    path = folder / name
    path.write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    return str(path)


def test_datasets_lists_what_there_is_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m/ml-1m.txt.gz").touch()
    monkeypatch.setenv("NEXTITEM_DATA", str(tmp_path))
    text = shown("datasets")
    assert "ml-32m 200,948 87,585 32,000,204 239 download" in text
    assert "ml-1m 6,040 3,416 999,611 - at hand" in text
    assert "retailrocket 1,407,580 - 2,756,101 - by hand" in text
    assert "amazon-2014-CATEGORY-5core - - - - download, 24 of them" in text


def test_a_page_tells_terms_address_checksum_recipe_and_citation() -> None:
    text = shown("datasets", "ml-20m")
    for words in ("no redistribution", "https://files.grouplens.org/datasets/movielens/ml-20m.zip",
                  "md5:cd245b17a1ae2cc31bb14903e1204af3", "sha256 unknown", "--split.kind leave_one_out",
                  "Harper and Konstan 2015"):  # fmt: skip
        assert words in text


def test_a_family_is_listed_by_its_beginning_and_a_wrong_name_is_mended() -> None:
    assert "amazon-2018-luxury-beauty-5core" in shown("datasets", "amazon-2018")
    error = CliRunner().invoke(app, ["datasets", "ml-30m"]).exception
    assert isinstance(error, InputError)
    assert 'did you mean "ml-' in str(error)


def test_describe_shows_findings_and_keeps_files(tmp_path: Path) -> None:
    path = log_file(tmp_path, "log.csv", ["a,x,1600000000", "a,y,1600000000", "a,z,1600000000", "b,x,1600000005"])
    out = tmp_path / "out"
    text = shown("describe", path, "--out", str(out))
    assert "serious: targets hang on ties 1 of 1 test targets" in text
    assert "way out:" in text
    assert {entry.name for entry in out.iterdir()} == {"description.json", "lengths.png", "popularity.png"}
    kept = json.loads((out / "description.json").read_text())
    assert kept["measures"]["interactions"] == 4
    assert kept["ties"]["last"] == 1
    assert (out / "lengths.png").read_bytes().startswith(b"\x89PNG")


def test_compare_data_says_equal_and_where_not(tmp_path: Path) -> None:
    a = log_file(tmp_path, "a.csv", ["a,x,1", "a,y,2", "b,y,1", "b,x,2", "b,x,3"])
    b = log_file(tmp_path, "b.csv", ["2,10,1", "2,11,2", "1,11,1", "1,10,2", "1,10,3"])
    c = log_file(tmp_path, "c.csv", ["a,y,1", "a,x,2", "b,y,1", "b,x,2", "b,x,3", "c,q,9"])
    assert "equal up to relabelling" in shown("compare-data", a, b)
    assert "equal, id by id" in shown("compare-data", a, a)
    text = shown("compare-data", a, c, "--search")
    assert "A and B are different" in text
    assert "first difference of user a (B: a) at position 1: item x, in B item y" in text
    assert "nearest to it" in text
    assert "5 5" in shown("compare-data", a, c, "--item-core", "2")


def test_what_reading_left_out_is_said_before_what_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "tags.dat"
    rows = [f"{user}\t{item}\t1\t{1238544000000 + item}" for user in range(6) for item in range(5)]
    path.write_text("\n".join(["userID\tartistID\ttagID\ttimestamp", "1\t2\t3\t-5", *rows]) + "\n")
    for command in (["describe", str(path)], ["compare-data", str(path), str(path)]):
        assert "1 of 31 rows of tags.dat are dated before 1970; they were left out" in shown(*command)
