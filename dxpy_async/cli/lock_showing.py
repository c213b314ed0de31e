"""`dxpy lock --show`: the lock, or one project of it, for people and for programs."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from dxpy_async.cli.output import Output
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage
from dxpy_async.core.names import normalize
from dxpy_async.errors import UsageError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.lock_text import describe_lock, upload_time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import LockedFile as FilePart
    from dxpy_async.cli.json_documents import LockedPackage as PackagePart
    from dxpy_async.cli.json_documents import LockShowDocument


def show(path: Path, name: str, output: Output) -> None:
    """Print the lock at `path`, or what it has of the project called `name`. Raises UsageError if that is nothing."""
    with DplLockFile.open(path) as file:
        wanted = normalize(name) if name else None
        lock = file.to_lock() if wanted is None else Lock(packages=file.lookup(wanted))
        if wanted is not None and not lock.packages:
            close = " or ".join(f"`{each}`" for each in get_close_matches(wanted, file.names()))
            hints = (f"did you mean {close}?",) if close else ("`dxpy lock --show` prints all that is in it",)
            raise UsageError(f"`{name}` is not in the lock `{path}`", hints=hints)
        if output.is_json:
            output.document(_document(path, lock))
        else:
            output.data(describe_lock(lock, only=wanted))


def _document(path: Path, lock: Lock) -> LockShowDocument:
    return {"schema": "dxpy/lock-show/1", "lock": str(path), "packages": list(map(_package, lock.packages))}


def _package(package: LockedPackage) -> PackagePart:
    return {
        "name": package.name,
        "version": package.version,
        "source": {"kind": package.source.kind.value, "url": package.source.url},
        "requires_python": package.requires_python,
        "extras": list(package.extras),
        "requirements": list(map(str, package.requirements)),
        "wheels": list(map(_file, package.wheels)),
        "sdist": None if package.sdist is None else _file(package.sdist),
    }


def _file(file: LockedFile) -> FilePart:
    return {
        "filename": file.filename,
        "url": file.url,
        "size": file.size,
        "upload_time": upload_time_text(file.upload_time) if file.upload_time is not None else None,
        "hashes": dict(file.hashes),
    }
