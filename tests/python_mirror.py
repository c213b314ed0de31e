"""A mirror of Python builds for tests: real archives, made of an interpreter of this machine.

BASE/latest-release.json
BASE/20240107/SHA256SUMS
BASE/20240107/cpython-3.12.1+20240107-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_LEFT_OUT = (
    "test",
    "idlelib",
    "lib2to3",
    "tkinter",
    "pydoc_data",
    "ensurepip",
    "site-packages",
    "__pycache__",
    "turtledemo",
)
_SYSCONFIG = '\nbuild_time_vars["PROBE"] = "-I/install/include"\nbuild_time_vars["PROBE_CC"] = "clang -pthread"\n'


def version_of(python: Path) -> str:
    return subprocess.check_output(
        [python, "-c", "import platform; print(platform.python_version())"], text=True
    ).strip()


def make_archive(python: Path) -> bytes:
    """The installation that `python` is of, without what no test needs, as an archive of a build has it."""
    prefix = python.parent.parent
    minor = python.name.removeprefix("python")
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,  # type: ignore[arg-type]
    ):
        archive.add(python, f"python/bin/{python.name}")
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"python/bin/{name}")
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, python.name, 0o777
            archive.addfile(link)
        for path in _library(prefix / "lib" / f"python{minor}"):
            content = path.read_bytes()
            if path.name.startswith("_sysconfigdata_"):
                content += _SYSCONFIG.encode()
            member = tarfile.TarInfo(f"python/{path.relative_to(prefix).as_posix()}")
            member.size, member.mode = len(content), path.stat().st_mode & 0o777
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _library(root: Path) -> Iterator[Path]:
    for directory, subdirectories, files in os.walk(root):
        subdirectories[:] = sorted(
            name for name in subdirectories if name not in _LEFT_OUT and not name.startswith("config-")
        )
        for name in sorted(files):
            if "_test" not in name and not name.startswith("xx"):
                yield Path(directory, name)


def tar_of(members: dict[str, bytes | str]) -> bytes:
    """A small archive: a value that is bytes is a file, one that is a text is a link."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, value in members.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if isinstance(value, str):
                member.type, member.linkname = tarfile.SYMTYPE, value
                archive.addfile(member)
            else:
                member.size = len(value)
                archive.addfile(member, io.BytesIO(value))
    return packed.getvalue()


def archive_name(version: str, release: str, kind: str = "install_only_stripped") -> str:
    return f"cpython-{version}+{release}-{machine_triple()}-{kind}.tar.gz"


def machine_triple() -> str:
    return f"{os.uname().machine}-unknown-linux-gnu"


class MirrorFiles:
    """The directory of a mirror, filled release by release."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, release: str, **archives: bytes) -> None:
        """Archives by version, with `_` for `.`: `add("20240107", v3_12_1=…)`."""
        for name, content in archives.items():
            self.add_file(release, archive_name(name[1:].replace("_", "."), release), content)

    def add_file(self, release: str, filename: str, content: bytes, *, sha256: str | None = None) -> Path:
        directory = self.root / release
        directory.mkdir(parents=True, exist_ok=True)
        (directory / filename).write_bytes(content)
        digest = sha256 or hashlib.sha256(content).hexdigest()
        with (directory / "SHA256SUMS").open("a") as sums:
            sums.write(f"{digest}  {filename}\n")
        return directory / filename

    def latest(self, release: str) -> None:
        said = {"version": 1, "tag": release, "release_url": "", "asset_url_prefix": release}
        (self.root / "latest-release.json").write_text(json.dumps(said))


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The directory over HTTP, with listings, as a plain server has it; the address."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(directory))  # type: ignore[arg-type]

        def log_message(self, *arguments: object) -> None:  # type: ignore[override]
            """Keep silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
