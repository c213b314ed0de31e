"""Whatever a script is: a block that was put into it is read back, and nothing else of the script changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.project.script_blocks import find_block, with_block

OPENING, CLOSING = b"# /// script", b"# ///"
NEWLINES = (b"", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n")

lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
documents = st.lists(lines, min_size=1, max_size=5).map(lambda each: "\n".join([*each[:-1], f"x{each[-1]}", ""]))
pieces = st.one_of(
    st.binary(max_size=30).filter(lambda data: b"///" not in data and b"coding" not in data),
    st.sampled_from([b"\n", b"\r\n", b"#!/usr/bin/python\n", b"# ///\n", b"# comment\n", b"\xef\xbb\xbf", b"#\n"]),
)
scripts = st.lists(pieces, max_size=6).map(b"".join)


@given(scripts, documents)
def test_a_block_is_read_back_and_the_rest_stays(script: bytes, toml: str) -> None:
    assert find_block(script, "s.py") is None
    edited = with_block(script, toml, "s.py")
    block = find_block(edited, "s.py")
    assert block is not None
    assert block.toml == toml
    before = edited[: edited.rindex(OPENING, 0, block.start)]
    behind = edited[edited.index(CLOSING, block.end) + len(CLOSING) :]
    parts = [
        before.removesuffix(first) + behind.removeprefix(second)
        for first in NEWLINES[:3]
        for second in NEWLINES
        if before.endswith(first) and behind.startswith(second)
    ]
    assert script in parts


@given(scripts, documents, documents)
def test_a_block_that_is_put_back_leaves_the_script_as_it_was(script: bytes, first: str, second: str) -> None:
    once = with_block(script, first, "s.py")
    assert with_block(with_block(once, second, "s.py"), first, "s.py") == once
