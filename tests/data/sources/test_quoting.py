"""Quoting: quotes hold fields together, are letters, or are asked about; no row is ever swallowed."""

from pathlib import Path

import pytest

from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.scanning import scan
from nextitem.errors import InputError

HEAD = "user,item,time\n"
LETTERS = HEAD + 'a,12" disk,1\na,x,2\nb,7" tape,3\nb,5",4\n'
SWALLOWED = HEAD + 'a,"Heroes,1\na,x,2\nb,Wild",3\nb,y,4\n'
TWO_LINES = HEAD + 'a,"Heroes,1\na,Wild",2\nb,y,4\n'
MIXED = HEAD + 'a,"x, y",1\na,12" disk,2\n'
PROPER = HEAD + 'a,"x, ""y""",1\na,"two\nlines",2\n'


def written(folder: Path, text: str, separator: str = ",") -> Path:
    path = folder / ("x.tsv" if separator == "\t" else "x.csv")
    path.write_text(text.replace(",", separator))
    return path


def items(path: Path, quote: Quote = "auto") -> list[str]:
    """As read at once; a test holds a scan to the same."""
    found: list[str] = read(path, quote=quote).frame["item"].to_list()
    assert scan(path, "table", Roles(), quote=quote).frame.collect()["item"].to_list() == found  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_quotes_that_begin_no_field_are_letters(tmp_path: Path, separator: str) -> None:
    assert items(written(tmp_path, LETTERS, separator)) == ['12" disk', "x", '7" tape', '5"']


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SWALLOWED, ['"Heroes', "x", 'Wild"', "y"]),
        (TWO_LINES, ['"Heroes', 'Wild"', "y"]),
        (HEAD + 'a,"Heroes,1\na,x,2\n', ['"Heroes', "x"]),
        (HEAD + 'a,"x",1\na,12" disk,2\n', ['"x"', '12" disk']),
    ],
)
def test_between_tabs_quotes_that_are_not_proper_are_letters(tmp_path: Path, text: str, found: list[str]) -> None:
    assert items(written(tmp_path, text, "\t")) == found


@pytest.mark.parametrize("separator", [",", "\t"])
def test_proper_quotes_hold_fields_together(tmp_path: Path, separator: str) -> None:
    assert items(written(tmp_path, PROPER, separator)) == [f'x{separator} "y"', "two\nlines"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SWALLOWED, r"line 2: .*each of these lines is a row by itself.*--data\.quote none"),
        (TWO_LINES, r"line 2: .*each of these lines is a row by itself"),
        (MIXED, r"line 3: a quote stands within a field \(the first quoted field stands in line 2\).*--data\.quote"),
        (HEAD + 'a,"x"y,1\n', "line 2: a quote stands within a field"),
        (HEAD + 'a,b,1\na,"x,1\n', r"line 3: a quote is opened and never closed.*--data\.quote none"),
    ],
)
def test_elsewhere_they_are_asked_about(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        items(written(tmp_path, text))


def test_none_takes_all_quotes_for_letters(tmp_path: Path) -> None:
    assert items(written(tmp_path, SWALLOWED), "none") == ['"Heroes', "x", 'Wild"', "y"]


def test_double_takes_what_may_be_rows_for_one_field(tmp_path: Path) -> None:
    assert items(written(tmp_path, SWALLOWED), "double") == ["Heroes,1\na,x,2\nb,Wild", "y"]


def test_double_holds_the_file_to_the_rule(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: a quote stands within a field; .*--data\.quote none takes"):
        items(written(tmp_path, LETTERS), "double")


def test_a_text_of_lines_that_are_no_rows_is_read(tmp_path: Path) -> None:
    """The second line has as many commas as a row, but no number where the time stands."""
    text = 'user,item,time,note\na,x,1,"so\nfar, so, good,\nsaid he"\nb,y,2,\n'
    assert items(written(tmp_path, text)) == ["x", "y"]


def test_letters_are_said_by_check(tmp_path: Path) -> None:
    said = check(written(tmp_path, SWALLOWED, "\t"), 1e9).warnings
    assert any("quotes are taken for letters" in one for one in said)


def test_quote_is_of_text_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    with pytest.raises(InputError, match='only "table" takes a quote'):
        read(tmp_path / "x.inter", quote="none")
    with pytest.raises(InputError, match='only "table" takes a quote'):
        scan(tmp_path / "x.inter", "atomic", Roles(), quote="none")


def test_quotes_become_no_part_of_ids_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('"A1","B1",5.0,1158019200\n"A2","B1",4.0,1158019201\n')
    with pytest.raises(InputError, match="add a header line"):
        read(tmp_path / "x.csv")
