"""The metadata that a script carries in a comment: finding the block, and putting another in its place.

    # /// script
    # requires-python = ">=3.12"
    # dependencies = ["requests<3"]
    # ///

Everything works on bytes, so that what is not in the block stays as it was, byte for byte: line ends, byte order mark
and encodings other than UTF-8 included. Of a block that is never closed the specification says that it must be ignored.

Source: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from dxpy_async.errors import InvalidScript

SCRIPT = "script"
"""The type of the block that says what a script needs."""

_MARK = b"\xef\xbb\xbf"
_BLOCK = re.compile(
    rb"^# /// (?P<type>[a-zA-Z0-9-]+)(?P<newline>\r?\n)(?P<content>(?:#(?: [^\n]*|\r?)\n)+)# ///\r?$", re.MULTILINE
)
"""As the specification has it; greedy, so the last `# ///` of the comment closes it."""
_LIKE_AN_OPENING = re.compile(rb"^#+[ \t]*///+[ \t]*script[ \t]*\r?$", re.MULTILINE)
_CODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class ScriptBlock(NamedTuple):
    """A block of metadata in a script: its TOML, the line of it that the TOML begins on, and where it stands.

    `start` and `end` are the place of the content in the file, in bytes, without the lines that open and close it.
    """

    toml: str
    line: int
    start: int
    end: int
    newline: str
    encoding: str


def read_script_content(file: Path) -> bytes:
    """The bytes of a script. Raises InvalidScript."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidScript(str(file), f"it cannot be read: {error.strerror}") from error


def find_block(content: bytes, file: str) -> ScriptBlock | None:
    """The block of a script; None when it has none. Raises InvalidScript for two, and for one that is no text."""
    start = len(_MARK) if content.startswith(_MARK) else 0
    body = content[start:]
    found = [match for match in _BLOCK.finditer(body) if match["type"] == SCRIPT.encode()]
    if not found:
        return None
    if len(found) > 1:
        places = [_line(body, match.start()) for match in found]
        raise InvalidScript(
            file,
            f"it has {len(found)} blocks of metadata, in the lines {', '.join(map(str, places))}",
            line=places[1],
            hints=("a script can have one block that begins with `# /// script`",),
        )
    (match,) = found
    encoding = _encoding(content, file)
    first = _line(body, match.start("content"))
    lines = match["content"].replace(b"\r\n", b"\n").split(b"\n")
    texts = [_text(line[2 if line[1:2] == b" " else 1 :], encoding, file, at) for at, line in enumerate(lines, first)]
    return ScriptBlock(
        toml="\n".join(texts),
        line=first,
        start=start + match.start("content"),
        end=start + match.end("content"),
        newline=match["newline"].decode(),
        encoding=encoding,
    )


def unfinished_block(content: bytes) -> int | None:
    """The line of a comment that looks as if it opened a block, in a script that has none; None when there is none."""
    body = content.removeprefix(_MARK)
    found = _LIKE_AN_OPENING.search(body)
    return _line(body, found.start()) if found is not None else None


def with_block(content: bytes, toml: str, file: str) -> bytes:
    """The script with `toml` in its block, which comes to stand at its top if it has none. Raises InvalidScript."""
    block = find_block(content, file)
    if block is not None:
        return content[: block.start] + _comment(toml, block.newline, block.encoding, file) + content[block.end :]
    newline = "\r\n" if b"\r\n" in content else "\n"
    place = _top(content)
    before, after = content[:place], content[place:]
    opening = before
    if before and not before.endswith((b"\n", _MARK)):
        opening += newline.encode()
    comment = _comment(toml, newline, _encoding(content, file), file)
    ends = newline.encode()
    gap = ends if after and not after.startswith((b"\n", b"\r\n")) else b""
    return opening + b"# /// script" + ends + comment + b"# ///" + ends + gap + after


def _comment(toml: str, newline: str, encoding: str, file: str) -> bytes:
    lines = [f"# {line}" if line else "#" for line in toml.rstrip("\n").split("\n")]
    text = newline.join([*lines, ""])
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise InvalidScript(file, f"its encoding `{encoding}` has no {text[error.start]!r}") from error


def _top(content: bytes) -> int:
    """Where a block belongs: behind the byte order mark, `#!` and the encoding."""
    place = len(_MARK) if content.startswith(_MARK) else 0
    for number in range(2):
        end = content.find(b"\n", place) + 1 or len(content)
        line = content[place:end]
        if not (number == 0 and line.startswith(b"#!")) and not _CODING.match(line):
            break
        place = end
    return place


def _encoding(content: bytes, file: str) -> str:
    """The encoding that the first two lines of a script name, as Python reads them; else UTF-8."""
    for number, line in enumerate(content.removeprefix(_MARK).split(b"\n", 2)[:2], 1):
        if match := _CODING.match(line):
            name = match[1].decode("ascii", "replace")
            try:
                "# ///".encode(name)
            except (LookupError, UnicodeError) as error:
                raise InvalidScript(file, f"it names the encoding `{name}`, which is unknown", line=number) from error
            return name
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return "utf-8"


def _text(line: bytes, encoding: str, file: str, number: int) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidScript(
            file,
            f"its metadata is not {encoding.upper()}: byte 0x{line[error.start]:02x}",
            line=number,
            hints=("save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`",),
        ) from error


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
