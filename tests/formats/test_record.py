"""RECORD as text and as values."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core import limits
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.record import RECORD_ROWS, RecordRow, format_record, parse_record

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=50)
PATHS = st.text(st.sampled_from('ab/.é ,"\r\n'), min_size=1, max_size=12)
ROWS = st.lists(
    st.one_of(
        st.builds(RecordRow, PATHS, WORD, WORD, st.integers(0, 2**60) | st.none()),
        st.builds(RecordRow, PATHS, st.just(""), st.just(""), st.integers(0, 2**60) | st.none()),
    ),
    max_size=8,
)


def test_reads_paths_hashes_and_sizes_in_order() -> None:
    data = b"a/b.py,sha256=AA-_,12\na-1.dist-info/RECORD,,\n"
    assert parse_record(data, "RECORD") == (
        RecordRow("a/b.py", "sha256", "AA-_", 12),
        RecordRow("a-1.dist-info/RECORD", "", "", None),
    )


def test_empty_lines_missing_last_newline_and_windows_lines_are_read_the_same() -> None:
    expected = parse_record(b"a,sha256=A,1\nb,,\n", "RECORD")
    assert parse_record(b"\na,sha256=A,1\n\nb,,", "RECORD") == expected
    assert parse_record(b"a,sha256=A,1\r\n\r\nb,,\r\n", "RECORD") == expected


def test_paths_with_commas_quotes_and_lines_are_quoted() -> None:
    assert format_record([RecordRow('a,"b"\n.py', "sha256", "A", 1)]) == b'"a,""b""\n.py",sha256=A,1\n'


def test_an_empty_row_is_a_row_with_no_path() -> None:
    assert parse_record(b",,\n", "RECORD") == (RecordRow("", "", "", None),)


@given(ROWS)
def test_rows_survive_a_round_trip(rows: list[RecordRow]) -> None:
    assert parse_record(format_record(rows), "RECORD") == tuple(rows)


@given(ROWS)
def test_what_is_written_reads_the_same_with_the_csv_module(rows: list[RecordRow]) -> None:
    read = list(csv.reader(io.StringIO(format_record(rows).decode(), newline="")))
    assert [row[0] for row in read] == [row.path for row in rows]


@given(ROWS)
def test_what_the_csv_module_writes_is_read(rows: list[RecordRow]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [path, f"{algorithm}={digest}" if algorithm else "", size] for path, algorithm, digest, size in rows
    )
    assert parse_record(text.getvalue().encode(), "RECORD") == tuple(rows)


@pytest.mark.parametrize(
    "data",
    [
        b"a\n",
        b"a,b\n",
        b"a,,,\n",
        b"a,sha256,1\n",
        b"a,=x,1\n",
        b"a,sha256=,1\n",
        b"a,sha256=AAA=,1\n",
        b"a,sha256=A,-1\n",
        b"a,sha256=A,1_0\n",
        b"a,sha256=A,0x1\n",
        "é,sha256=A,\u0661\n".encode(),
        b"a,sha256=A," + b"9" * 5000 + b"\n",
        b'"a,sha256=A,1\n',
        b'"a"b,sha256=A,1\n',
        b'a"b,sha256=A,1\n',
        b"a\rb,sha256=A,1\n",
        b"a\0b,sha256=A,1\n",
        b"\xff,sha256=A,1\n",
    ],
)
def test_a_broken_record_is_refused_with_its_name(data: bytes) -> None:
    with pytest.raises(InvalidWheel, match="x/RECORD"):
        parse_record(data, "x/RECORD")


def test_a_record_over_the_limits_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidWheel, match=str(RECORD_ROWS)):
        parse_record(b"\n" * (RECORD_ROWS + 1), "RECORD")
    monkeypatch.setattr("dxpy_async.formats.record.RECORD_BYTES", 10)
    with pytest.raises(InvalidWheel, match="may have 10"):
        parse_record(b"a,,\n" * 3, "RECORD")
    assert limits.RECORD_BYTES > 10


@given(st.binary(max_size=60) | TEXT.map(str.encode))
def test_any_bytes_are_rows_or_an_invalid_wheel(data: bytes) -> None:
    try:
        rows = parse_record(data, "RECORD")
    except InvalidWheel:
        return
    assert parse_record(format_record(rows), "RECORD") == rows
