"""Where the files of a wheel go in an environment, and the RECORD that says so: a pure function of manifest and scheme.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl
"""

from __future__ import annotations

import binascii
import hashlib
import os
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import NamedTuple

from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.record import format_record
from dxpy_async.installer.folding import Fold
from dxpy_async.installer.scripts import check_script_name

_WRITTEN_BY_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


class Link(NamedTuple):
    """A symbolic link: its name, the path in the store that it leads to, and the file there, None for a directory."""

    name: str
    path: str
    file: ManifestFile | None


class Layout(NamedTuple):
    """A wheel's files by where they go.

    `site` is the directory that gets the `.dist-info` (absolute). `payload` maps directories (absolute, normalised) to
    the names and files that go into them; `metadata` are the files of the `.dist-info`, by their path inside it;
    `scripts` those for the scripts directory, which may have to be rewritten, by their name. `links` maps directories
    to what they have as symbolic links into the store, `bytecode` each `__pycache__` to what the store has for it.
    """

    site: str
    payload: Mapping[str, list[tuple[str, ManifestFile]]]
    metadata: tuple[tuple[str, ManifestFile], ...]
    scripts: tuple[tuple[str, ManifestFile], ...]
    links: Mapping[str, list[Link]] = {}
    bytecode: Mapping[str, list[tuple[str, ManifestFile]]] = {}

    def folded(self, fold: Fold) -> Layout:
        """The same wheel with these links in place of the files that they stand for.

        Only files whose place in the site directory is their path in the wheel can be linked.
        """
        prefixes = tuple([f"{directory}/" for directory in fold.directories])
        links: dict[str, list[Link]] = {}
        payload: dict[str, list[tuple[str, ManifestFile]]] = {}
        single = frozenset(fold.files)
        for directory in fold.directories:
            links.setdefault(self._place(directory.rpartition("/")[0]), []).append(
                Link(directory.rpartition("/")[2], directory, None)
            )
        for place, files in self.payload.items():
            prefix = relative_path(place, self.site)
            if prefix.startswith(prefixes):
                continue
            for name, file in files:
                if file.path == f"{prefix}{name}" and file.path in single:
                    links.setdefault(place, []).append(Link(name, file.path, file))
                else:
                    payload.setdefault(place, []).append((name, file))
        return self._replace(payload=payload, links=links)

    def with_bytecode(self, files: Iterable[ManifestFile], fold: Fold | None) -> Layout:
        """The same wheel with bytecode beside its sources, except where a whole directory is linked."""
        prefixes = tuple([f"{directory}/" for directory in fold.directories]) if fold is not None else ()
        groups: dict[str, list[tuple[str, ManifestFile]]] = {}
        for file in files:
            if not file.path.startswith(prefixes):
                head, _, name = file.path.rpartition("/")
                groups.setdefault(self._place(head), []).append((name, file))
        return self._replace(bytecode=groups) if groups else self

    def _place(self, directory: str) -> str:
        return f"{self.site}{os.sep}{directory.replace('/', os.sep)}" if directory else self.site


class Written(NamedTuple):
    """A file that is made on installation: its path as RECORD gives it, and its bytes."""

    path: str
    contents: bytes


def lay_out(manifest: Manifest, scheme: InstallScheme) -> Layout:
    """Where each file of a wheel goes. Raises InvalidWheel for a `.data` directory of unknown kind and for a bad path.

    The wheel's own RECORD is left out, and so are files that only installers may write.
    """
    site = os.path.normpath(scheme.purelib if manifest.root_is_purelib else scheme.platlib)
    bases = {
        "purelib": str(scheme.purelib),
        "platlib": str(scheme.platlib),
        "headers": str(scheme.headers / manifest.name),
        "data": str(scheme.data),
    }
    payload: dict[str, list[tuple[str, ManifestFile]]] = {}
    metadata: list[tuple[str, ManifestFile]] = []
    scripts: list[tuple[str, ManifestFile]] = []
    in_metadata, in_data = f"{manifest.dist_info}/", f"{manifest.data}/"
    groups: dict[str, list[tuple[str, ManifestFile]]] = {}
    for file in manifest.files:
        head, _, name = file.path.rpartition("/")
        group = groups.get(head)
        if group is None:
            _check_components(head, manifest)
            if head == manifest.dist_info or head.startswith(in_metadata):
                group = metadata
            elif manifest.data and (head == manifest.data or head.startswith(in_data)):
                group = _data_group(head[len(in_data) :], bases, payload, scripts, manifest)
            else:
                directory = f"{site}{os.sep}{head.replace('/', os.sep)}" if head else site
                group = payload.setdefault(directory, [])
            groups[head] = group
        group.append((name, file))
    for name, _ in scripts:
        check_script_name(name, manifest.filename)
    if manifest.data:
        _check_once(payload, manifest)
    inside = [(file.path[len(in_metadata) :], file) for _, file in metadata]
    kept = tuple((path, file) for path, file in inside if path not in _WRITTEN_BY_INSTALLERS)
    return Layout(site, payload, kept, tuple(scripts))


def _data_group(
    inside: str,
    bases: Mapping[str, str],
    payload: dict[str, list[tuple[str, ManifestFile]]],
    scripts: list[tuple[str, ManifestFile]],
    manifest: Manifest,
) -> list[tuple[str, ManifestFile]]:
    """Where the files of one directory below `.data` go."""
    kind, _, rest = inside.partition("/")
    if kind == "scripts" and not rest:
        return scripts
    if kind not in bases:
        raise InvalidWheel(manifest.filename, f"has files in `{manifest.data}/{inside}`, which is no known place")
    directory = os.path.normpath(os.path.join(bases[kind], rest.replace("/", os.sep)))
    return payload.setdefault(directory, [])


def _check_once(payload: Mapping[str, list[tuple[str, ManifestFile]]], manifest: Manifest) -> None:
    """A file may come from the wheel's root or from its `.data`, not from both."""
    for directory, files in payload.items():
        names = [name for name, _ in files]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidWheel(manifest.filename, f"has two files for the same place: `{directory}{os.sep}{twice}`")


def _check_components(head: str, manifest: Manifest) -> None:
    between = f"/{head}/"
    if head and ("//" in between or "/./" in between or "/../" in between or "\0" in between):
        raise InvalidWheel(manifest.filename, f"has a member outside its root: `{head}`")


def record_bytes(
    layout: Layout, linked: Iterable[tuple[str, ManifestFile]], written: Iterable[Written], own: str
) -> bytes:
    """The RECORD of an installed wheel: payload, then `linked` and `written` files, then its `own` row, the last one.

    Digests come from the manifest; what is written here is hashed here. A link to a directory has a row without one, so
    that an uninstaller removes the link and never looks behind it. Paths are relative to the site directory.
    """
    paths: list[str] = []
    files: list[ManifestFile] = []
    for directory, group in layout.payload.items():
        prefix = relative_path(directory, layout.site)
        paths += [prefix + name for name, _ in group]
        files += [file for _, file in group]
    for path, file in linked:
        paths.append(path)
        files.append(file)
    whole: list[str] = []
    for directory, links in layout.links.items():
        prefix = relative_path(directory, layout.site)
        for name, _, target in links:
            if target is None:
                whole.append(prefix + name)
            else:
                paths.append(prefix + name)
                files.append(target)
    digests = encoded([file.sha256 for file in files])
    sizes = [file.size for file in files]
    rows: list[tuple[str, str, str, int | None]] = list(zip(paths, repeat("sha256"), digests, sizes, strict=False))
    for path, contents in written:
        rows.append((path, "sha256", encoded([hashlib.sha256(contents).digest()])[0], len(contents)))
    rows += [(path, "", "", None) for path in whole]
    rows.append((own, "", "", None))
    return format_record(rows)


def relative_path(directory: str, site: str) -> str:
    """How RECORD paths of files in `directory` begin: empty, or with a slash at the end."""
    if directory == site:
        return ""
    if directory.startswith(f"{site}{os.sep}"):
        relative = directory[len(site) + 1 :]
    else:
        relative = os.path.relpath(directory, site)
    return relative.replace(os.sep, "/") + "/"


def encoded(digests: list[bytes]) -> list[str]:
    """SHA-256 digests as RECORD writes them, in urlsafe base64 without padding.

    All at once: a zero byte after each makes 33, which base64 turns into 44 characters, the last of them the padding.
    """
    if set(map(len, digests)) - {32}:
        raise ValueError("a SHA-256 digest has 32 bytes")
    text = binascii.b2a_base64(b"\0".join(digests) + b"\0", newline=False).decode() if digests else ""
    text = text.replace("+", "-").replace("/", "_")
    return [text[start : start + 43] for start in range(0, len(text), 44)]
