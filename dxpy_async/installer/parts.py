"""What a wheel puts into environments of one shape, as a record: the long way, taken once for each wheel."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.installer.blueprints import Part
from dxpy_async.installer.folding import Fold, with_parents
from dxpy_async.installer.layout import Layout, lay_out, record_bytes, relative_path
from dxpy_async.installer.scripts import first_lines, is_windows, launchers, rewrite_shebang


def make_part(
    manifest: Manifest,
    store: str,
    scheme: InstallScheme,
    fold: Fold | None,
    bytecode: Iterable[ManifestFile],
) -> Part | None:
    """The part of the wheel unpacked in `store`; None for an environment or a wheel that only the installer can do.

    `fold` are the symbolic links that stand for files of it, `bytecode` is what the store has of that.

    The wheel has been installed into such an environment: nothing of it is looked at for the first time here. Raises
    OSError when a script cannot be read.
    """
    if is_windows(scheme) or scheme.purelib != scheme.platlib or manifest.dist_info.strip() != manifest.dist_info:
        return None
    layout = lay_out(manifest, scheme)
    if fold is not None:
        layout = layout.folded(fold)
    start = first_lines(scheme)
    commands = {each.name: each.contents for each in launchers(manifest.entry_points, scheme, manifest.filename)}
    copied: list[tuple[str, ManifestFile]] = []
    for name, file in layout.scripts:
        if name in commands:
            continue
        with open(f"{store}/{file.path}", "rb") as script:
            contents = rewrite_shebang(script.read(), scheme)
        if contents is None:
            copied.append((name, file))
        else:
            commands[name] = contents
    if any(not contents.startswith(start) or not _is_plain(name) for name, contents in commands.items()):
        return None
    above = relative_path(os.path.normpath(scheme.scripts), layout.site)
    listed = [(f"{above}{name}", file) for name, file in copied]
    listed += [(f"{manifest.dist_info}/{name}", file) for name, file in layout.metadata]
    record = record_bytes(layout, listed, (), "")
    own_row = record.rindex(b"\n", 0, -1) + 1 if record.count(b"\n") > 1 else 0
    links = () if fold is None else (*fold.directories, *fold.files)
    inside, moved = _sorted_out(layout.with_bytecode(bytecode, fold), scheme)
    directories = {path.rpartition("/")[0] for path in (*(path for path, _ in inside), *links)}
    return Part(
        manifest.dist_info,
        with_parents(directories),
        tuple([path for path, _ in inside]),
        tuple([file.size for _, file in inside]),
        tuple([file.mtime_ns for _, file in inside]),
        links,
        with_parents({place.rpartition("/")[0] for place, _ in moved}),
        tuple([(file.path, place, file.size, file.mtime_ns) for place, file in moved]),
        with_parents({name.rpartition("/")[0] for name, _ in layout.metadata}),
        tuple([(name, file.size, file.mtime_ns) for name, file in layout.metadata]),
        tuple([(file.path, name, file.size, file.mtime_ns) for name, file in copied]),
        tuple([(name, contents[len(start) :]) for name, contents in commands.items()]),
        record[:own_row],
        above,
    )


def _sorted_out(
    layout: Layout, scheme: InstallScheme
) -> tuple[list[tuple[str, ManifestFile]], list[tuple[str, ManifestFile]]]:
    """Files whose place in the site directory is their path in the wheel, and the rest by place below the root."""
    inside: list[tuple[str, ManifestFile]] = []
    moved: list[tuple[str, ManifestFile]] = []
    for directory, files in (*layout.payload.items(), *layout.bytecode.items()):
        prefix = relative_path(directory, layout.site)
        if not prefix.startswith("../") and all(file.path == prefix + name for name, file in files):
            inside += [(file.path, file) for _, file in files]
        else:
            above = relative_path(directory, os.path.normpath(scheme.prefix))
            moved += [(f"{above}{name}", file) for name, file in files]
    return inside, moved


def _is_plain(name: str) -> bool:
    """Whether RECORD has the name as it is, without quotes."""
    return not any(character in name for character in ',"\r\n')
