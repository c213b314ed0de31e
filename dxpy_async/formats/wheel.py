"""What a wheel says about itself, believed only where its parts agree.

A wheel names its project and version three times (file name, dist-info directory, METADATA) and its files twice (the
archive and RECORD). Every disagreement is refused before anything is written, because a wheel that is refused late has
already left something behind. The digests of RECORD are handed on: whoever inflates the files checks them in passing.

Three kinds of members never reach an environment, and so are not among a wheel's files: RECORD and its signatures,
which describe the archive (an installer writes a RECORD of its own), INSTALLER, REQUESTED and direct_url.json, which
only an installer may write and which wheels made from an installed environment carry all the same, and directories.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core.limits import METADATA_BYTES, RECORD_BYTES
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.wheel_names import WheelName, parse_wheel_name
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.members import Member, MemberReader
from dxpy_async.formats.metadata_headers import parse_headers
from dxpy_async.formats.record import RecordRow, parse_record

DATA_KEYS = ("purelib", "platlib", "headers", "scripts", "data")
"""The directories that may stand in a wheel's `.data` directory."""

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
"""The entry point groups from which an installer makes commands."""

DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
"""The algorithms that RECORD may use (at least as strong as SHA-256), and the lengths of their digests."""

_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_OF_THE_INSTALLER = ("INSTALLER", "REQUESTED", "direct_url.json")
_METADATA_MAJOR, _WHEEL_MAJOR = 2, 1
_SHOWN_CHARACTERS = 200

_SCRIPT_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\:=\[\]]+")
_EXTRAS = re.compile(r"\[[^\[\]]*\]$")


class WheelFile(NamedTuple):
    """A file to install, and what RECORD says its digest is."""

    member: Member
    algorithm: str
    digest: bytes


class WheelContents(NamedTuple):
    """What a wheel consists of. `version` is METADATA's text; `tags` are those of the file name.

    `dist_info` and `data` are directory names, `data` empty when there is none. `files` keep the archive's order.
    """

    name: ProjectName
    version: str
    tags: tuple[str, ...]
    root_is_purelib: bool
    dist_info: str
    data: str
    entry_points: Mapping[str, Mapping[str, str]]
    top_level: tuple[str, ...]
    files: tuple[WheelFile, ...]


def read_wheel(archive: MemberReader, filename: str) -> WheelContents:
    """Understand an open wheel called `filename`. Raises InvalidWheel, naming the file and what is wrong with it."""
    try:
        named = parse_wheel_name(filename)
    except ValueError as error:
        raise InvalidWheel(filename, f"has an invalid name: {error}") from error
    return _Reader(archive, filename, named).read()


class _Reader:
    """One wheel while it is being understood."""

    def __init__(self, archive: MemberReader, filename: str, named: WheelName) -> None:
        self._archive, self._filename, self._named = archive, filename, named
        self._members = {member.name: member for member in archive.members}
        self._roots = sorted({name.partition("/")[0] for name in self._members})

    def read(self) -> WheelContents:
        dist_info, data = self._dist_info(), self._data()
        version = self._version(dist_info)
        root_is_purelib = self._root_is_purelib(dist_info)
        entry_points = self._entry_points(dist_info)
        self._check_data_keys(data)
        return WheelContents(
            name=self._named.project,
            version=version,
            tags=self._named.tags,
            root_is_purelib=root_is_purelib,
            dist_info=dist_info,
            data=data,
            entry_points=entry_points,
            top_level=tuple(root for root in self._roots if root not in (dist_info, data)),
            files=self._files(dist_info),
        )

    def _dist_info(self) -> str:
        found = [root for root in self._roots if root.lower().endswith(".dist-info")]
        if len(found) != 1:
            listed = ", ".join(_shown(root) for root in found[:5])
            raise self._refused(f"has {len(found)} dist-info directories ({listed})" if found else "has no dist-info")
        if not self._belongs(found[0].removesuffix(".dist-info")):
            raise self._refused(f"contains {_shown(found[0])}, which is not the name and version in its file name")
        return found[0]

    def _data(self) -> str:
        found = [root for root in self._roots if root.lower().endswith(".data")]
        if len(found) > 1 or (found and not self._belongs(found[0].removesuffix(".data"))):
            raise self._refused(f"contains {_shown(found[-1])}, which is not its own .data directory")
        return found[0] if found else ""

    def _belongs(self, base: str) -> bool:
        """Whether `name-version`, the stem of a directory's name, says what the file name says."""
        name, dash, version = base.rpartition("-")
        return bool(dash) and normalize(name) == self._named.project and self._is_version(version.replace("_", "-"))

    def _is_version(self, text: str) -> bool:
        return text == self._named.version or same_version(text, self._named.version)

    def _version(self, dist_info: str) -> str:
        """METADATA's version, after METADATA has been found to speak of the same project as the file name."""
        fields = self._headers(f"{dist_info}/METADATA")
        name, version = self._only(fields, "METADATA", "Name"), self._only(fields, "METADATA", "Version")
        if not is_valid_name(name) or normalize(name) != self._named.project:
            raise self._refused(f"has METADATA of another project: {name[:100]!r}")
        if not self._is_version(version):
            raise self._refused(f"has METADATA of another version: {version[:100]!r}")
        self._check_major(self._only(fields, "METADATA", "Metadata-Version"), "Metadata-Version", _METADATA_MAJOR)
        return version

    def _root_is_purelib(self, dist_info: str) -> bool:
        fields = self._headers(f"{dist_info}/WHEEL")
        self._check_major(self._only(fields, "WHEEL", "Wheel-Version"), "Wheel-Version", _WHEEL_MAJOR)
        text = self._only(fields, "WHEEL", "Root-Is-Purelib")
        if text.lower() not in ("true", "false"):
            raise self._refused(f"has a WHEEL file whose Root-Is-Purelib is {text[:40]!r}, not true or false")
        return text.lower() == "true"

    def _headers(self, member: str) -> dict[str, list[str]]:
        text = self._text(member, METADATA_BYTES, errors="replace")
        try:
            return parse_headers(text)
        except ValueError as error:
            raise self._refused(f"has a `{member}` that does not parse: {error}") from error

    def _only(self, fields: Mapping[str, list[str]], file: str, name: str) -> str:
        values = fields.get(name.lower(), [])
        if len(values) != 1 or not values[0]:
            raise self._refused(f"has {len(values)} `{name}` fields in {file}, there must be one")
        return values[0]

    def _check_major(self, text: str, field: str, newest: int) -> None:
        major, dot, minor = text.partition(".")
        if not (major.isdecimal() and major.isascii() and minor.isdecimal() and dot):
            raise self._refused(f"has a {field} that is not a version: {text[:40]!r}")
        if len(major) > 4 or int(major) > newest:
            raise self._refused(f"has {field} {text[:40]}, which is newer than dxpy knows ({newest}.x)")

    def _entry_points(self, dist_info: str) -> Mapping[str, Mapping[str, str]]:
        member = f"{dist_info}/entry_points.txt"
        if member not in self._members:
            return {}
        try:
            return parse_entry_points(self._text(member, METADATA_BYTES))
        except ValueError as error:
            raise self._refused(f"has an invalid `{member}`: {error}") from error

    def _check_data_keys(self, data: str) -> None:
        prefix = data + "/"
        for name in self._members if data else ():
            if name.startswith(prefix) and name != prefix:
                key, slash, _ = name[len(prefix) :].partition("/")
                if key not in DATA_KEYS or not slash:
                    raise self._refused(
                        f"has {_shown(name)} in its .data directory, where only {', '.join(DATA_KEYS)} belong"
                    )

    def _files(self, dist_info: str) -> tuple[WheelFile, ...]:
        """The files with their digests, after RECORD has been found to list exactly them."""
        rows = self._rows(f"{dist_info}/RECORD")
        unhashed = {f"{dist_info}/{name}" for name in ("RECORD", *_SIGNATURES)}
        dropped = {f"{dist_info}/{name}" for name in _OF_THE_INSTALLER}
        files: list[WheelFile] = []
        for name, member in self._members.items():
            row = rows.pop(name, None)
            if name in unhashed or member.is_directory:
                continue
            file = self._recorded(member, row)
            if name not in dropped:
                files.append(file)
        self._check_rest(rows)
        return tuple(files)

    def _rows(self, member: str) -> dict[str, RecordRow]:
        rows: dict[str, RecordRow] = {}
        for row in parse_record(self._contents(member, RECORD_BYTES), f"{self._filename}: {member}"):
            if row.path in rows:
                raise self._refused(f"lists {_shown(row.path)} twice in RECORD")
            rows[row.path] = row
        return rows

    def _recorded(self, member: Member, row: RecordRow | None) -> WheelFile:
        if row is None:
            raise self._refused(f"has a member {_shown(member.name)} that RECORD does not list")
        path, algorithm, digest, size = row
        length = DIGEST_BYTES.get(algorithm)
        if length is None:
            found = f"uses {algorithm[:40]!a} for" if algorithm else "has no hash for"
            raise self._refused(f"has a RECORD that {found} {_shown(path)}; sha256, sha384 or sha512 is needed")
        if size is not None and size != member.size:
            raise self._refused(f"has {member.size} bytes in {_shown(path)}, RECORD says {size}")
        try:
            raw = a2b_base64(digest.replace("-", "+").replace("_", "/") + "==")
        except ValueError as error:
            raise self._refused(f"has a RECORD with an invalid hash for {_shown(path)}") from error
        if len(raw) != length:
            raise self._refused(f"has a RECORD with an invalid hash for {_shown(path)}")
        return WheelFile(member, algorithm, raw)

    def _check_rest(self, rows: Mapping[str, RecordRow]) -> None:
        """Rows without a member are refused; but some tools list directories, which need no member of their own."""
        if not rows:
            return
        directories = {name[:end] for name in self._members for end in _slashes(name)}
        for path in rows:
            if path.removesuffix("/") not in directories:
                raise self._refused(f"lists {_shown(path)} in RECORD, and has no such member")

    def _text(self, member: str, limit: int, *, errors: str = "strict") -> str:
        try:
            return self._contents(member, limit).decode(errors=errors).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise self._refused(f"has a `{member}` that is not UTF-8") from error

    def _contents(self, member: str, limit: int) -> bytes:
        found = self._members.get(member)
        if found is None:
            raise self._refused(f"has no `{member}`")
        if found.size > limit:
            raise self._refused(f"has a `{member}` of {found.size} bytes, it may have {limit}")
        return self._archive.read(found)

    def _refused(self, reason: str) -> InvalidWheel:
        return InvalidWheel(self._filename, reason)


def _shown(text: str) -> str:
    """A text of the wheel's for a message: short, and without anything that could act on a terminal."""
    return ascii(text) if len(text) <= _SHOWN_CHARACTERS else ascii(text[:_SHOWN_CHARACTERS]) + "…"


def _slashes(name: str) -> list[int]:
    return [index for index, character in enumerate(name) if character == "/"]


def same_version(one: str, other: str) -> bool:
    """Whether two texts are the same version, `1.0` and `1.0.0` for instance; False when either is none."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def parse_entry_points(text: str) -> dict[str, dict[str, str]]:
    """Groups of entry points: name to object reference, in the file's order, without empty groups.

    Scripts are checked, since they become files and code: their names are plain file names, their references
    `module:attribute`, given back without extras. Other groups are for other programs to judge, and are kept as text.
    Raises ValueError naming the line or the entry point.

    Source: https://packaging.python.org/en/latest/specifications/entry-points/
    """
    groups: dict[str, dict[str, str]] = {}
    group = last = ""
    entries: dict[str, str] | None = None
    indent = 0  # that of `last`; many files are indented as a whole, since their text was a literal in a setup.py
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content[0] in "#;":
            continue
        place = len(line) - len(line.lstrip())
        goes_on = bool(last) and place > indent
        if content[0] == "[" and content[-1] == "]" and not goes_on:
            group, last = content[1:-1].strip(), ""
            entries = groups.setdefault(group, {})
            continue
        name, equals, reference = (part.strip() for part in content.partition("="))
        if entries is None:
            raise ValueError(f"line {number} stands before the first [group]")
        if goes_on:
            entries[last] = f"{entries[last]} {content}".strip()
            continue
        if not equals or not name:
            raise ValueError(f"line {number} is not `name = reference`: {content[:80]!a}")
        if group in SCRIPT_GROUPS and entries.get(name, reference) != reference:
            raise ValueError(f"line {number} gives the script {name[:80]!a} a second target")
        entries[name] = reference
        last, indent = name, place
    return {
        group: _checked_scripts(found) if group in SCRIPT_GROUPS else found for group, found in groups.items() if found
    }


def _checked_scripts(entries: Mapping[str, str]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for name, reference in entries.items():
        if not _SCRIPT_NAME.fullmatch(name) or name in (".", ".."):
            raise ValueError(f"{name[:80]!a} cannot be the name of a script")
        module, colon, attribute = (part.strip() for part in _EXTRAS.sub("", reference).partition(":"))
        if not colon or not _is_dotted(module) or not _is_dotted(attribute):
            raise ValueError(f"{reference[:80]!a}, the target of the script {name[:80]!a}, is not `module:attribute`")
        checked[name] = f"{module}:{attribute}"
    return checked


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
