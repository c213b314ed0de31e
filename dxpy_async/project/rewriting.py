"""Changing a pyproject.toml so that everything else stays as somebody wrote it: comments, order, style, line ends.

A change is made on the text, and once more on what the text says. The new text is parsed and held against that, so
that an edit is right or refused. tomlkit changes what is there; what is new is put in as text, because tomlkit puts it
behind the blank lines and comments that belong to the next table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dxpy_async.errors import InvalidProject
from dxpy_async.project.document import decode, parse

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import AbstractTable

Change = Callable[[str, dict[str, Any]], str]
"""Makes the new text of a file whose lines end in `\\n`, and does to the document what it does to the text.

May raise ValueError or TypeError where no table fits in.
"""


def rewritten(content: bytes, change: Change, *, file: str, what: str) -> bytes:
    """The file's content after `change`; `what` is changed, for messages. Raises InvalidProject if that is not all."""
    text = decode(content, file)
    document = parse(text, file)
    windows = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    unix = text.replace("\r\n", "\n") if windows else text
    try:
        edited = change(unix if unix.endswith("\n") or not unix else f"{unix}\n", document)
    except (ValueError, TypeError) as error:
        raise _cannot_edit(what, file) from error
    if not edited.endswith("\n"):
        edited += "\n"
    if not _says(edited, document, file):
        raise _cannot_edit(what, file)
    if windows:
        edited = edited.replace("\n", "\r\n")
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    return mark + edited.encode()


def _says(text: str, document: dict[str, Any], file: str) -> bool:
    try:
        return parse(text, file) == document
    except InvalidProject:
        return False


def _cannot_edit(what: str, file: str) -> InvalidProject:
    return InvalidProject(
        file,
        f"`{what}` cannot be edited where it stands",
        hints=("give it a table of its own, under a header in brackets, or edit the file by hand",),
    )


def table_at(document: TOMLDocument, path: Iterable[str]) -> AbstractTable:
    """The table that `path` leads to, which is made where it is not there."""
    import tomlkit  # noqa: PLC0415 (11 ms, and most changes need none of it)

    holder: Any = document
    for key in path:
        if key not in holder:
            if holder is document and not document.as_string().endswith("\n\n"):
                document.add(tomlkit.nl())
            holder[key] = tomlkit.table()
        holder = holder[key]
    return holder  # type: ignore[no-any-return]


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """`text` with `value`, which is TOML, at `path`, where something is already or a table that is not a header's."""
    import tomlkit  # noqa: PLC0415 (11 ms, and most changes need none of it)

    document = tomlkit.parse(text)
    table_at(document, path[:-1])[path[-1]] = tomlkit.parse(f"x = {value}")["x"]
    return tomlkit.dumps(document)


def with_line(text: str, header: str, line: str) -> str:
    """`text` with `line` as the last of the table `[header]`, which is made at the end if it has no header."""
    span = _last_section(text, rf"\[[ \t]*{re.escape(header)}[ \t]*\]")
    if span is None:
        return f"{_with_gap(text)}[{header}]\n{line}\n"
    return f"{text[: span[1]]}{line}\n{text[span[1] :]}"


def with_table(text: str, header: str, lines: Sequence[str]) -> str:
    """`text` with one more `[[header]]` of these lines: behind the last there is, else at the end."""
    table = "".join(f"{line}\n" for line in (f"[[{header}]]", *lines))
    span = _last_section(text, rf"\[\[[ \t]*{re.escape(header)}[ \t]*\]\]")
    if span is None:
        return _with_gap(text) + table
    return f"{text[: span[1]]}\n{table}{text[span[1] :]}"


def has_header(text: str, header: str) -> bool:
    """Whether the table `[header]` has a header of its own."""
    return _last_section(text, rf"\[[ \t]*{re.escape(header)}[ \t]*\]") is not None


def without_line(text: str, path: Sequence[str]) -> str:
    """`text` without what is at `path`, and without the header of its table if nothing else was in that."""
    import tomlkit  # noqa: PLC0415 (11 ms, and most changes need none of it)

    document = tomlkit.parse(text)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    text = tomlkit.dumps(document)
    header = re.escape(".".join(path[:-1]))
    # What stands behind a blank line is the next table's; comments right under the header keep it.
    nothing = r"(?=\s*(?:\[|\Z)|\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\[)"
    alone = re.compile(rf"\n*^[ \t]*\[[ \t]*{header}[ \t]*\][ \t]*\n{nothing}", re.MULTILINE)
    return text if holder else alone.sub("\n", text, count=1)


def _with_gap(text: str) -> str:
    return f"{text.rstrip()}\n\n" if text.strip() else ""


def _last_section(text: str, header: str) -> tuple[int, int] | None:
    """Where the last table under a header that looks like `header` begins, and where its last line with a value ends.

    Blank lines and comments behind that are taken for the next table's.
    """
    found = list(re.finditer(rf"^[ \t]*{header}[ \t]*(?:#[^\n]*)?\n", text, re.MULTILINE))
    if not found:
        return None
    start = end = found[-1].end()
    for line in text[start:].splitlines(keepends=True):
        if line.lstrip().startswith("["):
            break
        start += len(line)
        if line.strip() and not line.lstrip().startswith("#"):
            end = start
    return found[-1].start(), end
