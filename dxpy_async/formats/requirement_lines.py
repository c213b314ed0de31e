"""Files of requirements, one a line, as pip reads them: constraints and overrides, and what all such files share.

Comments, lines joined by a backslash, `-r` and `-c` for further files. Options that belong to one requirement
(`--hash=…`) are skipped; all others are refused, since they would silently not hold.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dxpy_async.core import limits, parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import InvalidRequirementsFile

_COMMENT = re.compile(r"(?:^|\s)#.*")
_LINE_OPTIONS = re.compile(r"\s--(?:hash|config-settings?|global-option|install-option)\b.*")
_FURTHER = re.compile(r"(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|=))(\S.*)")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A requirement, and the number of the line where it begins."""

    line: int
    requirement: Requirement


@dataclass(frozen=True, slots=True)
class FurtherFile:
    """A file that is to be read too, as it is written: a path, relative to the file that names it."""

    line: int
    path: str


def parse_requirement_lines(content: bytes, *, file: str) -> Iterator[RequirementLine | FurtherFile]:
    """What the lines of a file of requirements say, in order. Raises InvalidRequirementsFile, naming the line."""
    if len(content) > limits.REQUIREMENTS_BYTES:
        reason = f"has {len(content)} bytes or more, the limit for requirements is {limits.REQUIREMENTS_BYTES}"
        raise InvalidRequirementsFile(file, reason)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequirementsFile(
            file, "is not UTF-8 text", line=content.count(b"\n", 0, error.start) + 1
        ) from error
    for line, words in logical_lines(text):
        yield _parse_line(words, line, file)


def _parse_line(words: str, line: int, file: str) -> RequirementLine | FurtherFile:
    if further := _FURTHER.fullmatch(words):
        return FurtherFile(line, further[1].strip("\"'"))
    if words.startswith("-"):
        raise InvalidRequirementsFile(
            file,
            f"is an option, `{words[:_SHOWN]}`, and not a requirement",
            line=line,
            hints=("options for indexes and the like go to the command line or to [tool.dxpy]",),
        )
    try:
        return RequirementLine(line, parse_requirement(without_options(words)))
    except parsers.requirements.InvalidRequirement as error:
        raise InvalidRequirementsFile(file, no_requirement(words, error), line=line) from error


def no_requirement(text: str, error: Exception) -> str:
    """What is wrong with a line, by the error of the parser; with a mark below the place, unless the line is long."""
    reason, _, marked = str(error).partition("\n")
    if marked and len(text) <= _SHOWN:
        return f"is no requirement: {error}"
    return f"is no requirement, `{text[:_SHOWN]}`: {reason}"


def without_options(line: str) -> str:
    """A requirement without the options that follow it."""
    return _LINE_OPTIONS.sub("", line).strip()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those joined that end in a backslash, without comments, and the number of the first of each."""
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.splitlines(), start=1):
        if not parts:
            first = number
        line = _COMMENT.sub("", raw)
        if line.endswith("\\") and line == raw:
            parts.append(line[:-1])
            continue
        joined = "".join([*parts, line]).strip()
        parts = []
        if joined:
            yield first, joined
    if joined := "".join(parts).strip():
        yield first, joined
