"""Files of environment variables (`.env`), as `--env-file` reads them.

    # a comment                 NAME=value            export NAME=value
    NAME=two words # comment    NAME='as it is: ${x} \\n'    NAME="${HOME}/x\\n"     NAME=${OTHER:-default}

A value without quotes ends with its line, or before a `#` that follows a space. In single quotes everything stands for
itself; in double quotes there are the escapes `\\n \\r \\t \\" \\\\ \\$`. Quoted values may go over several lines.
`${NAME}` and `$NAME`, outside single quotes, are the variable as it is by then: of the surroundings first, then of the
file.

There is no standard; these are the rules that dotenv files share. python-dotenv follows them too, but passes over lines
that it does not understand, and its import costs 20 ms more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dxpy_async.errors import InvalidEnvFile

_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'(?P<value>[^']*)'")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r"(?P<value>[^\n]*?)(?=[ \t]+#[^\n]*(?:\n|\Z)|[ \t]*(?:\n|\Z))")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_VARIABLE = re.compile(r"\\(?P<escaped>.)|\$\{(?P<braced>[^{}]*)\}|\$(?P<bare>[A-Za-z_][A-Za-z0-9_]*)", re.DOTALL)
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?::-(?P<default>.*))?", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse_env_file(content: bytes, environ: Mapping[str, str], *, file: str) -> dict[str, str]:
    """The variables that a file sets, whether or not `environ`, the surroundings, have them. Raises InvalidEnvFile."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidEnvFile(file, "is not UTF-8", line=line) from error
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        if blank := _REST.match(text, place):
            place = max(blank.end(), place + 1)
            continue
        line = text.count("\n", 0, place) + 1
        assignment = _ASSIGNMENT.match(text, place)
        if assignment is None:
            raise InvalidEnvFile(file, f"has {_excerpt(text, place)} where `NAME=value` should be", line=line)
        name = assignment["name"]
        value, place = _value(text, assignment.end(), {**found, **environ}, f"`{name}`", file, line)
        if "\0" in value:
            raise InvalidEnvFile(file, f"gives `{name}` a value with a NUL", line=line)
        found[name] = value
    return found


def _value(text: str, place: int, known: Mapping[str, str], name: str, file: str, line: int) -> tuple[str, int]:
    """The value at `place`, and where the next line begins."""
    quote = text[place : place + 1]
    pattern = {"'": _SINGLE, '"': _DOUBLE}.get(quote, _PLAIN)
    found = pattern.match(text, place)
    if found is None:
        raise InvalidEnvFile(file, f"opens a quote for {name} that is never closed", line=line)
    rest = _REST.match(text, found.end())
    if rest is None:
        behind = _excerpt(text, found.end())
        raise InvalidEnvFile(file, f"has {behind} behind the quoted value of {name}", line=line)
    value = found["value"]

    def replaced(part: re.Match[str]) -> str:
        if (escaped := part["escaped"]) is not None:
            if quote != '"':
                return "$" if escaped == "$" else part[0]
            return _ESCAPES.get(escaped, escaped if escaped in '"\\$' else part[0])
        if part["bare"] is not None:
            return known.get(part["bare"], "")
        braced = _BRACED.fullmatch(part["braced"])
        if braced is None:
            raise InvalidEnvFile(file, f"has `{part[0]}` in the value of {name}, which is no variable", line=line)
        return known.get(braced["name"], "") or braced["default"] or ""

    return value if quote == "'" else _VARIABLE.sub(replaced, value), rest.end()


def _excerpt(text: str, place: int) -> str:
    return f"`{text[place:].partition(chr(10))[0].strip()[:30]}`"
