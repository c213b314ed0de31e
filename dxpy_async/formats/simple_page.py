"""One project page of the simple API, in its JSON form or its HTML form, read into a `PageRecord`.

Files are grouped by the version in their name. Names are read strictly: a file whose name is neither a wheel's nor an
sdist's of this project, with a version of PEP 440, is passed over, as every installer does with the relics of twenty
years (eggs, installers, misnamed uploads).

Source: https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.errors import InvalidIndexPage
from dxpy_async.formats.compact_page import ListedFile, PageRecord, parsed_version

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
ACCEPT = f"{JSON_TYPE}, {HTML_TYPE};q=0.2, text/html;q=0.1"
"""The Accept header for a project page: JSON if it can be had."""

_SIMPLE_TYPE = re.compile(r"application/vnd\.pypi\.simple\.v(\d+)\+(json|html)")
_SDIST_ENDINGS = (".tar.gz", ".zip")
# Possessive, so that none of them can go back over what it has taken.
_TAG_NAME = re.compile(r"<(a|base|meta)(?=[\s/>])", re.IGNORECASE | re.ASCII)
_RAW_TEXT = re.compile(r"<(script|style|title|textarea)(?=[\s/>])", re.ASCII)
_ATTRIBUTE = re.compile(
    r"""[\s/"'=]*+([^\s/>=<"']++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>][^\s>]*+)))?+""", re.ASCII
)
_DIGESTS = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256"})


class _Meta(msgspec.Struct):
    api_version: str = msgspec.field(name="api-version")


class _JsonPage(msgspec.Struct):
    meta: _Meta
    files: list[msgspec.Raw]
    name: str | None = None


class _NamedFile(msgspec.Struct, gc=False):
    filename: str


class _FileNames(msgspec.Struct):
    files: list[_NamedFile]


# Two passes, one for the text of the files and one for their names, take half the time of decoding each file's text.
_decode_json = msgspec.json.Decoder(_JsonPage).decode
_decode_names = msgspec.json.Decoder(_FileNames).decode
_encode_json = msgspec.json.Encoder().encode

_FileText = bytes | msgspec.Raw


def parse(body: bytes, content_type: str, *, base_url: str, project: ProjectName, index_url: str) -> PageRecord:
    """Read one project page. `base_url` is the address it came from in the end, `index_url` the index's, for people.

    Neither may carry credentials. Raises InvalidIndexPage when the type is neither form, the body does not parse, the
    page is of another project, or of a major version of the API that is not known.
    """
    files: Sequence[_FileText]
    try:
        kind = _kind_of(content_type)
        if kind == "json":
            names, files = _json_files(body, project)
        else:
            base_url, names, files = _html_files(body, content_type, base_url)
    except _Unreadable as error:
        raise InvalidIndexPage(f"the page of `{project}` at {base_url} {error}", url=base_url) from error
    releases = _releases(names, files, project)
    return PageRecord(project=project, index_url=index_url, base_url=base_url, releases=releases)


class _Unreadable(Exception):
    """Completes the sentence "the page of `flask` at … "."""


def _kind_of(content_type: str) -> str:
    plain = content_type.partition(";")[0].strip().lower()
    if match := _SIMPLE_TYPE.fullmatch(plain):
        _check_major(match[1])
        return match[2]
    if plain == "application/json":
        return "json"
    if plain in ("text/html", "application/xhtml+xml"):
        return "html"
    raise _Unreadable(f"is neither JSON nor HTML of the simple API, but `{plain[:80] or 'of no type'}`")


def _check_major(version: str) -> None:
    major = version.partition(".")[0]
    if not major.isdecimal() or int(major[:9]) != 1:
        raise _Unreadable(f"is of version {version[:20]!r} of the simple API; only version 1 is known")


def _json_files(body: bytes, project: ProjectName) -> tuple[list[str], list[msgspec.Raw]]:
    """The files' names, and their text."""
    try:
        page = _decode_json(body)
        named = _decode_names(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Unreadable(f"does not parse: {error}") from error
    _check_major(page.meta.api_version)
    if page.name is not None and normalize(page.name) != project:
        raise _Unreadable(f"is that of `{page.name[:80]}`")
    return [file.filename for file in named.files], page.files


def _html_files(body: bytes, content_type: str, base_url: str) -> tuple[str, list[str], list[bytes]]:
    """The address that links count from, the files' names, and what the JSON form would say of them."""
    files: list[ListedFile] = []
    base: str | None = None
    for tag, attributes in _start_tags(body.decode(_charset(content_type), errors="replace")):
        if tag == "a" and attributes.get("href"):
            if (file := _anchored_file(attributes)) is not None:
                files.append(file)
        elif tag == "base" and base is None:
            base = attributes.get("href", "").strip() or None
        elif tag == "meta" and attributes.get("name") == "pypi:repository-version":
            _check_major(attributes.get("content", ""))
    try:
        base_url = urljoin(base_url, base) if base else base_url
    except ValueError as error:
        raise _Unreadable(f"has a base address that is none: {error}") from error
    return base_url, [file.filename for file in files], [_encode_json(file) for file in files]


def _charset(content_type: str) -> str:
    match = re.search(r"charset\s*=\s*\"?([\w.-]+)", content_type, re.IGNORECASE | re.ASCII)
    charset = match[1].lower() if match else "utf-8"
    return charset if charset in ("utf-8", "iso-8859-1", "latin-1", "us-ascii", "windows-1252") else "utf-8"


def _start_tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The start tags `a`, `base` and `meta` of an HTML document, with their attributes.

    Not the standard library's parser: on broken markup that takes time with the square of its length (seconds for six
    kilobytes of `<a <a <a`), and what comes from an index may be broken on purpose. Here every step moves forward.
    """
    at = text.find("<")
    while at >= 0:
        if text.startswith("<!--", at):
            at = text.find("-->", at + 4)
        elif match := _RAW_TEXT.match(text, at):
            at = text.find("</" + match[1], match.end())
        elif match := _TAG_NAME.match(text, at):
            attributes, at = _attributes(text, match.end())
            yield match[1].lower(), attributes
        if at < 0:
            return
        at = text.find("<", at + 1)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes up to the end of a tag, the first of each name, and where they end."""
    attributes: dict[str, str] = {}
    while match := _ATTRIBUTE.match(text, at):
        name = match[1].lower()
        if name not in attributes:
            attributes[name] = unescape(next((value for value in match.groups()[1:] if value is not None), ""))
        at = match.end()
    return attributes, at - 1


def _anchored_file(attributes: Mapping[str, str]) -> ListedFile | None:
    link, _, fragment = attributes["href"].strip().partition("#")
    try:
        path = urlsplit(link).path
    except ValueError:
        return None
    announced = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    return ListedFile(
        # The name is what stands after the last slash, decoded once: a `%2F` in it makes an unsafe name, not a path.
        filename=unquote(path.rpartition("/")[2]),
        url=link,
        hashes=_fragment_digests(fragment),
        requires_python=attributes.get("data-requires-python"),
        yanked=(attributes["data-yanked"] or True) if "data-yanked" in attributes else None,
        core_metadata=None if announced is None else _fragment_digests(announced) or announced.lower() != "false",
    )


def _fragment_digests(fragment: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in fragment.split("&"))
    return {algorithm.lower(): digest for algorithm, _, digest in pairs if digest and algorithm.lower() in _DIGESTS}


def _releases(
    names: Sequence[str], files: Sequence[_FileText], project: ProjectName
) -> list[tuple[str, list[_FileText]]]:
    """The files of each version, newest version first."""
    releases: dict[Version, list[_FileText]] = {}
    by_text: dict[str, list[_FileText] | None] = {}
    spellings: dict[str, bool] = {}
    # A page's files come in runs of one version: most names begin as the one before did, and need no second look.
    beginning, release = "\0", None
    for filename, file in zip(names, files, strict=True):
        if not (filename.startswith(beginning) and filename.endswith(".whl") and filename.count("-") == 4):
            name, text, is_wheel = name_and_version(filename)
            known = spellings.get(name)
            if known is None:
                known = spellings[name] = normalize(name) == project
            if not known or not text:
                continue
            if text not in by_text:
                by_text[text] = _release_of(text, releases)
            release = by_text[text]
            beginning = f"{name}-{text}-" if is_wheel else "\0"
        if release is not None:
            release.append(file)
    ordered = sorted(releases.items(), key=lambda item: item[0], reverse=True)
    return [(str(version), release) for version, release in ordered]


def _release_of(text: str, releases: dict[Version, list[_FileText]]) -> list[_FileText] | None:
    try:
        return releases.setdefault(parsed_version(text.replace("_", "-")), [])
    except InvalidVersion:
        return None


def _is_wheel_tail(filename: str) -> bool:
    """Whether a name with two parts before it is a wheel's, by its parts (see `core.wheel_names`)."""
    if not filename.endswith(".whl"):
        return False
    dashes = filename.count("-")
    return dashes == 4 or (dashes == 5 and filename.split("-", 3)[2][:1].isdigit())


def name_and_version(filename: str) -> tuple[str, str, bool]:
    """The two as a file name spells them, and whether it is a wheel's; empty for what is neither wheel nor sdist."""
    if _is_wheel_tail(filename):
        name, version, _ = filename.split("-", 2)
        return name, version, True
    for ending in _SDIST_ENDINGS:
        if filename.endswith(ending):
            name, _, version = filename.removesuffix(ending).rpartition("-")
            return name, version, False
    return "", "", False
