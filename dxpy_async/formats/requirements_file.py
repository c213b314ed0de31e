"""Files of requirements in the full syntax of pip: what to install, and the options that go with it.

    flask[async]>=3 ; python_version > "3.8" --hash=sha256:…    a requirement, with the hashes that its files may have
    ./libs/tool[extra]   x-1.0.whl   https://host/x-1.0.zip     a directory or an archive, which knows its own name
    -e ./libs/tool                                              one that is installed so that it leads to its source
    -r more.txt   -c limits.txt                                 further files
    --index-url https://host/simple   --no-binary :all:         options of the whole run

A `#` at the beginning or after a blank begins a comment, a backslash at the end joins lines, `${NAME}` in capitals is
the value of that variable where there is one. The bytes are UTF-8 unless a byte order mark or `# -*- coding: … -*-` in
the first two lines says otherwise.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Iterator, Mapping

from dxpy_async.core import limits, parsers
from dxpy_async.core.dataclass import dataclass, field, replace
from dxpy_async.core.names import ExtraName, ProjectName, is_valid_name, normalize_extra
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.source_urls import is_archive_name
from dxpy_async.errors import InvalidRequirementsFile
from dxpy_async.formats.requirement_lines import logical_lines

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODING = re.compile(rb"#.*?coding[:=][ \t]*([-\w.]+)")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_FIRST_OPTION = re.compile(r"(?:^|\s)(?=-)")
_HASH = re.compile(r"(sha256|sha384|sha512):([0-9a-fA-F]+)")
_EXTRAS = re.compile(r"(?P<place>.+?)\[(?P<extras>[\w\s,.-]*)\]")

HASH_KINDS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""The kinds of hashes that count, and how many digits they have."""

_VALUES = {
    "-r": "requirement",
    "-c": "constraint",
    "-e": "editable",
    "-i": "index-url",
    "-f": "find-links",
    "--requirement": "requirement",
    "--constraint": "constraint",
    "--editable": "editable",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "--find-links": "find-links",
    "--no-binary": "no-binary",
    "--only-binary": "only-binary",
    "--trusted-host": "trusted-host",
    "--use-feature": "",
}
_SWITCHES = {"--no-index": "no-index", "--pre": "pre", "--require-hashes": "require-hashes", "--prefer-binary": ""}
"""The options of whole files by what they are called here; an empty name makes no difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementEntry:
    """What is to be installed, and where that was said (`origin`, for people, like `requirements.txt:3`).

    `requirement` has no name while only what is at `location` (a path or a URL) knows it. `hashes` are those that its
    files may have, by their kind.
    """

    text: str
    origin: str
    requirement: Requirement
    location: str = ""
    is_editable: bool = False
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    config_settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A further file, as it is written: a path relative to the file that names it, or an address."""

    line: int
    path: str
    is_constraints: bool


@dataclass(frozen=True, slots=True)
class FileOption:
    """An option of the whole run by its long name, without dashes; the value of a switch is empty."""

    line: int
    name: str
    value: str = ""


Line = RequirementEntry | NamedFile | FileOption


def parse_requirements_file(content: bytes, *, file: str, environ: Mapping[str, str]) -> Iterator[Line]:
    """What the lines of a file say, in order. Raises InvalidRequirementsFile, which points at the mistake."""
    for number, words in requirement_lines(content, file=file):
        try:
            yield from _parse_line(_with_variables(words, environ), file, number)
        except InvalidRequirementsFile as error:
            said = _without_values(error.reason, words, environ)  # a variable may well be a password
            raise InvalidRequirementsFile(file, said, line=number, hints=error.hints()) from None


def requirement_lines(content: bytes, *, file: str) -> Iterator[tuple[int, str]]:
    """The lines that say anything, as one where they are joined, with the number of the first. Raises as above."""
    if len(content) > limits.REQUIREMENTS_BYTES:
        reason = f"has {len(content)} bytes or more, the limit for requirements is {limits.REQUIREMENTS_BYTES}"
        raise InvalidRequirementsFile(file, reason)
    return logical_lines(decoded(content, file=file))


def decoded(content: bytes, *, file: str) -> str:
    """The text of a file of requirements. Raises InvalidRequirementsFile."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is None:
        said = (_CODING.match(line) for line in content.split(b"\n")[:2])
        encoding = next((match[1].decode("ascii") for match in said if match is not None), "utf-8")
    try:
        return content.decode(encoding)
    except LookupError:
        raise InvalidRequirementsFile(file, f"says that it is encoded as `{encoding}`, which is unknown") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidRequirementsFile(file, f"is not {encoding.upper()} text", line=line) from None


def parse_entry(text: str, *, origin: str, file: str = "", line: int | None = None) -> RequirementEntry:
    """One requirement, or the place of one, as files and command lines have it, without options.

    Raises InvalidRequirementsFile for a text that is neither.
    """
    if is_location(text):
        return _located(text, origin, file, line)
    try:
        requirement = parse_requirement(text)
    except parsers.requirements.InvalidRequirement as error:
        raise _invalid(file or origin, text, line, error) from error
    return RequirementEntry(text=text, origin=origin, requirement=requirement)


def parse_editable(text: str, *, origin: str, file: str = "", line: int | None = None) -> RequirementEntry:
    """What follows `-e`: a place, also where it looks like the name of a project, or `name @ URL`. Raises as above.

    Were `-e tool` taken for a name, somebody else's project would be installed instead of the directory `tool`.
    """
    is_named = "@" in text and not is_location(text)
    entry = parse_entry(text, origin=origin, file=file, line=line) if is_named else _located(text, origin, file, line)
    return replace(entry, is_editable=True, text=f"-e {text}")


def _located(text: str, origin: str, file: str, line: int | None) -> RequirementEntry:
    body, marker = _without_marker(text)
    match = _EXTRAS.fullmatch(body)
    place, extras = (match["place"], match["extras"]) if match is not None and _ends(match["place"]) else (body, "")
    return RequirementEntry(
        text=text,
        origin=origin,
        requirement=Requirement(ProjectName(""), _extras(extras), marker=_marker(marker, text, file, line)),
        location=place.strip(),
    )


def is_location(text: str) -> bool:
    """Whether a text is the path or the URL of what it asks for, and not a name."""
    first = re.split(r"[\s;@\[]", text, maxsplit=1)[0]
    if text.startswith(("git+", "file:", "hg+", "svn+", "bzr+")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return True
    return first.startswith((".", "~", "/", "\\")) or "/" in first or "\\" in first or is_archive_name(first)


# --- lines ------------------------------------------------------------------------------------------------------------


def _parse_line(words: str, file: str, line: int) -> Iterator[Line]:
    origin = f"{file}:{line}"
    if words.startswith("-"):
        yield from _parse_options(words, file, line)
        return
    option = _FIRST_OPTION.search(words)
    body, rest = (words[: option.start()], words[option.start() :]) if option is not None else (words, "")
    entry = parse_entry(body.strip(), origin=origin, file=file, line=line)
    yield _with_options(entry, words, _split(rest, file, line), file, line) if rest else entry


def _parse_options(words: str, file: str, line: int) -> Iterator[Line]:
    rest = _split(words, file, line)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if name in _SWITCHES and not equals:
            if _SWITCHES[name]:
                yield FileOption(line, _SWITCHES[name])
            continue
        if name not in _VALUES:
            raise _unknown_option(words, name, file, line)
        if not equals:
            if not rest:
                raise InvalidRequirementsFile(file, f"has `{name}` without a value", line=line)
            value = rest.pop(0)
        kind = _VALUES[name]
        if kind == "editable":
            entry = parse_editable(value, origin=f"{file}:{line}", file=file, line=line)
            yield _with_options(entry, words, rest, file, line)
            return
        if kind in ("requirement", "constraint"):
            yield NamedFile(line, value, kind == "constraint")
        elif kind:
            yield FileOption(line, kind, value)


def _with_options(entry: RequirementEntry, text: str, words: list[str], file: str, line: int) -> RequirementEntry:
    """`entry` with the options that follow it in the line `text`."""
    hashes: dict[str, set[str]] = {}
    settings: list[str] = []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name not in ("--hash", "--config-setting", "--config-settings", "-C"):
            raise _unknown_option(text, name, file, line)
        if not equals:
            if not words:
                raise InvalidRequirementsFile(file, f"has `{name}` without a value", line=line)
            value = words.pop(0)
        if name == "--hash":
            kind, digest = parse_hash(value, file=file, line=line)
            hashes.setdefault(kind, set()).add(digest)
        else:
            settings.append(value)
    found = {kind: frozenset(digests) for kind, digests in hashes.items()}
    return replace(entry, hashes=found, config_settings=tuple(settings))


def parse_hash(text: str, *, file: str, line: int | None = None) -> tuple[str, str]:
    """Kind and digest of a hash like `sha256:0a1b…`. Raises InvalidRequirementsFile."""
    match = _HASH.fullmatch(text)
    if match is None or len(match[2]) != HASH_KINDS[match[1]]:
        known = ", ".join(HASH_KINDS)
        raise InvalidRequirementsFile(
            file,
            f"has a hash that is none, `{text[:80]}`",
            line=line,
            hints=(f"a hash is a kind ({known}), a colon and all of its hexadecimal digits",),
        )
    return match[1], match[2].lower()


def _split(words: str, file: str, line: int) -> list[str]:
    try:
        return shlex.split(words)
    except ValueError as error:
        raise InvalidRequirementsFile(file, f"has a quote that does not end: {words[:80]}", line=line) from error


def _with_variables(words: str, environ: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[0], words) if "${" in words else words


def _without_values(said: str, words: str, environ: Mapping[str, str]) -> str:
    """What is said of a line, with the variables of the line in the place of their values."""
    for name in dict.fromkeys(_VARIABLE.findall(words)):
        if value := environ.get(name):
            said = said.replace(value, f"${{{name}}}")
    return said


def _without_marker(text: str) -> tuple[str, str]:
    """A place, and the marker after it: behind a semicolon, after a blank where the place is a URL."""
    separator = " ;" if "://" in text else ";"
    body, found, marker = text.partition(separator)
    return (body.strip(), marker.strip()) if found else (text.strip(), "")


def _marker(marker: str, text: str, file: str, line: int | None) -> str:
    if not marker:
        return ""
    try:
        return parse_requirement(f"x ; {marker}").marker
    except parsers.requirements.InvalidRequirement as error:
        raise _invalid(file, text, line, error) from error


def _ends(place: str) -> bool:
    """Whether extras can follow: they do not follow the fragment of a URL."""
    return "#" not in place


def _extras(text: str) -> tuple[ExtraName, ...]:
    names = [name.strip() for name in text.split(",")]
    return tuple(sorted({normalize_extra(name) for name in names if is_valid_name(name)}))


def _unknown_option(words: str, name: str, file: str, line: int) -> InvalidRequirementsFile:
    pointed = f"{words}\n    {' ' * max(words.find(name), 0)}{'^' * len(name)}"
    return InvalidRequirementsFile(
        file,
        f"has an option that no file of requirements can have, `{name}`:\n    {pointed}",
        line=line,
        hints=("further options go to the command line",),
    )


def _invalid(file: str, text: str, line: int | None, error: Exception) -> InvalidRequirementsFile:
    hints: tuple[str, ...] = ()
    if re.search(r"(?<![=!<>~])=(?![=])", text) and "://" not in text:
        hints = ("versions are compared with `==`: one `=` is none",)
    return InvalidRequirementsFile(file, f"has a line that is no requirement: {error}", line=line, hints=hints)
