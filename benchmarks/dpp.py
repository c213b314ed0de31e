"""Time reading one DPP package beside reading the wheel it was made from, the way programs do today.

    python benchmarks/dpp.py WHEEL [WHEEL ...] [--json FILE]

For each wheel: opening the package; its metadata and dependencies once it is open; and the same facts of the wheel with
`zipfile`, `email` and `packaging`. Prints absolute times and ratios. Both read from a warm page cache; the best of many
rounds counts, since whatever else runs on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sized
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from email.parser import BytesParser
from pathlib import Path

from blake3 import blake3
from packaging.requirements import Requirement

from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_builder import DppBuilder
from dxpy_async.formats.zip_archive import ZipArchive

ROUNDS = 1_000
OPEN_AT_ONCE = 20


def main() -> int:
    parser = argparse.ArgumentParser(description="Time reading DPP packages beside reading wheels.")
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    arguments = parser.parse_args()
    rows = []
    print(
        f"{'wheel':<42}{'files':>7}{'requires':>9}{'zipfile':>12}{'open':>11}{'verified':>11}{'read':>11}{'ratio':>8}"
    )
    with tempfile.TemporaryDirectory(prefix="dxpy-bench-") as directory:
        for wheel in arguments.wheels:
            rows.append(_row(wheel, Path(directory)))
            print(rows[-1].line(), flush=True)
    print(
        "\nzipfile: open, read and parse METADATA; open: map the package and check its header; verified: and the BLAKE3"
    )
    print("of its manifest; read: name, version, requires-python, METADATA and dependencies of the open package.")
    print("ratio: zipfile / read.")
    if arguments.json:
        arguments.json.write_text(json.dumps({"python": sys.version, "rows": [asdict(row) for row in rows]}) + "\n")
    return 0


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds that one wheel, and the package made of it, take."""

    wheel: str
    files: int
    requirements: int
    zipfile: float
    opening: float
    verifying: float
    reading: float

    def line(self) -> str:
        times = "".join(f"{seconds * 1e6:>8.1f} µs" for seconds in (self.opening, self.verifying, self.reading))
        counts = f"{self.files:>7}{self.requirements:>9}"
        ratio = self.zipfile / self.reading
        return f"{self.wheel[:41]:<42}{counts}{self.zipfile * 1e6:>9.0f} µs{times}{ratio:>7.0f}×"


def _row(wheel: Path, directory: Path) -> Row:
    path = _package(wheel, directory)
    by_zipfile = _best(lambda: _facts_of_wheel(wheel))
    opening = _best(lambda: DppPackage.open(path, verify=Verify.HEADER).close())
    verifying = _best(lambda: DppPackage.open(path, verify=Verify.MANIFEST).close())
    reading = _best_read(path)
    with DppPackage.open(path) as package:
        assert _requirement_count(_facts_of_package(package)) == _requirement_count(_facts_of_wheel(wheel))
        files, requirements = package.file_count, len(package.dependencies)
    return Row(wheel.name, files, requirements, by_zipfile, opening, verifying, reading)


def _requirement_count(facts: tuple[object, ...]) -> int:
    assert isinstance(facts[-1], Sized)
    return len(facts[-1])


def _package(wheel: Path, directory: Path) -> Path:
    data, path = wheel.read_bytes(), directory / f"{wheel.stem}.dpp"
    with ZipArchive.open(wheel, wheel.name) as archive, path.open("w+b") as out:
        sha256, digest = hashlib.sha256(data).hexdigest(), blake3(data).hexdigest()
        DppBuilder.from_wheel(archive, wheel.name, sha256=sha256, blake3=digest, fat=True).write(out)
    return path


def _facts_of_wheel(wheel: Path) -> tuple[object, ...]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        message = BytesParser().parsebytes(archive.read(name))
    requirements = [Requirement(text) for text in message.get_all("Requires-Dist", [])]
    return message["Name"], message["Version"], message["Requires-Python"], message.get_payload(), requirements


def _facts_of_package(package: DppPackage) -> tuple[object, ...]:
    return package.name, package.version, package.requires_python, package.core_metadata, package.dependencies


def _best(action: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - started)
    return best


def _best_read(path: Path) -> float:
    """The first reading of a package that is open: each is read once, so nothing is remembered from an earlier reading.

    Many in a row, as the metadata of all projects of a lock are read, or the clock itself would count.
    """
    best = float("inf")
    for _ in range(ROUNDS // OPEN_AT_ONCE):
        with ExitStack() as stack:
            packages = [stack.enter_context(DppPackage.open(path)) for _ in range(OPEN_AT_ONCE)]
            started = time.perf_counter()
            for package in packages:
                _facts_of_package(package)
            best = min(best, time.perf_counter() - started)
    return best / OPEN_AT_ONCE


if __name__ == "__main__":
    sys.exit(main())
