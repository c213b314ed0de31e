"""The header block of METADATA, WHEEL and PKG-INFO: mail-like fields, read without the mail library.

Loading the standard library's mail parser costs more than reading two hundred of these files, and it is lenient in
ways (folded names, lost non-ASCII bytes) that a package installer cannot afford.
"""

from __future__ import annotations


def parse_headers(text: str) -> dict[str, list[str]]:
    """The fields of the header block, by lower-case name, each with its values in order; the body is left alone.

    A continuation line (leading blank) is joined to its field with a newline. Raises ValueError, naming the line,
    for a line that is neither a field nor a continuation.

    Source: https://packaging.python.org/en/latest/specifications/core-metadata/
    """
    fields: dict[str, list[str]] = {}
    values: list[str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")  # noqa: PLW2901
        if not line:
            break
        if line[0] in " \t":
            if values is None:
                raise ValueError(f"line {number} continues a field, and there is none before it")
            values[-1] += "\n" + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(f"line {number} is not a `Name: value` field: {line[:80]!r}")
        values = fields.setdefault(name.lower(), [])
        values.append(value.strip())
    return fields
