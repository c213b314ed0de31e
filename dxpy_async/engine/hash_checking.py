"""Hash-checking mode: nothing is installed of which the requirements do not say what its file has to be.

Source: https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import replace
from dxpy_async.core.locks import LockedFile, SourceKind
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selected
from dxpy_async.engine.install_options import Hashes
from dxpy_async.errors import HashesMissing, HashMismatch


def require_pins(requirements: Iterable[Requirement], constraints: Iterable[Statement]) -> None:
    """Raise HashesMissing for requirements that leave open which version, all of them in one message."""
    pinned = {each.requirement.name for each in constraints if _is_pinned(each.requirement)}
    loose = [str(each) for each in requirements if not _is_pinned(each) and each.name not in pinned]
    if loose:
        names = ", ".join(f"`{each}`" for each in loose)
        raise HashesMissing(
            f"in hash-checking mode every requirement is pinned with `==`, and {names} "
            f"{'is' if len(loose) == 1 else 'are'} not",
            hints=("`dxpy pip compile --generate-hashes` pins them, with hashes",),
        )


def checked(selected: Iterable[Selected], hashes: Hashes) -> list[Selected]:
    """`selected` with the digests that their files have to have.

    Raises HashesMissing, which names all that lack any, and HashMismatch for a file that is known to have another.
    """
    items = list(selected)
    _require_archives(items)
    if lacking := [item for item in items if item.package.name not in hashes]:
        raise HashesMissing(
            f"in hash-checking mode every requirement has a hash, and {_pins(lacking)} "
            f"{'has' if len(lacking) == 1 else 'have'} none",
            hints=(
                "say which files are meant:\n" + "\n".join(f"    {_with_hash(item)}" for item in lacking),
                "requirements of requirements count, too",
            ),
        )
    return [replace(item, file=_checked(item, hashes[item.package.name])) for item in items]


def _is_pinned(requirement: Requirement) -> bool:
    specifier = requirement.specifier
    pinned = specifier.startswith("==") and "," not in specifier and not specifier.endswith(".*")
    return requirement.url is not None or pinned


def _require_archives(items: Iterable[Selected]) -> None:
    trees = [item for item in items if item.file is None]
    if trees:
        git = any(item.package.source.kind is SourceKind.GIT for item in trees)
        what = "a repository" if git else "a directory"
        names = ", ".join(f"`{item.package.name}`" for item in trees)
        raise HashesMissing(
            f"in hash-checking mode only archives are installed, and {names} comes from {what}, which has no hash",
            hints=("install it by itself, without hashes and with `--no-deps`",),
        )


def _checked(item: Selected, allowed: Mapping[str, frozenset[str]]) -> LockedFile:
    file = item.file
    assert file is not None, "only archives are left"
    for kind, digests in allowed.items():
        if (known := file.hashes.get(kind)) is not None:
            if known in digests:
                return file
            raise _mismatch(item, file, kind, known, digests)
    kind, digests = next(iter(allowed.items()))
    if len(digests) > 1:
        raise HashesMissing(
            f"nothing says which of the {len(digests)} {kind} digests `{file.filename}` is to have",
            hints=("give the sha256 digests of the files",),
        )
    return replace(file, hashes={**file.hashes, kind: next(iter(digests))})


def _mismatch(item: Selected, file: LockedFile, kind: str, known: str, digests: Iterable[str]) -> HashMismatch:
    return HashMismatch(
        file.filename,
        algorithm=kind,
        expected=" or ".join(sorted(digests)),
        actual=known,
        origin=item.package.source.url or "the index",
    )


def _pins(items: Iterable[Selected]) -> str:
    return ", ".join(f"`{item.package.name}=={item.package.version}`" for item in items)


def _with_hash(item: Selected) -> str:
    pin = f"{item.package.name}=={item.package.version}"
    return f"{pin} --hash=sha256:{item.sha256}" if item.sha256 else pin
