"""Time dxpy's own formats, the lock and pyproject.dx, beside the ways people do the same with TOML.

    python3 benchmarks/formats.py [--packages 1000] [--sizes 100 20000] [--json FILE]

Needs dxpy and tomlkit beside the Python that runs this; no network. The lock is made up, and the same every time:
names, versions, URLs, hashes, upload times, markers, and numbers of files and of requirements as they are on an index.
It is written once as `dxpy.lock` and once as `pylock.toml`, and both hold the same files.

A row tells the best time of several runs, for the fastest run is the one that other processes disturbed least, and the
ratio: the time of the other way divided by dxpy's. Above 1, dxpy is faster.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tomlkit

from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import normalize
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.formats.dpl import DplLockFile, build_dpl
from dxpy_async.formats.pylock import write_pylock
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.formats.toml_writer import write_toml

FILES_URL = "https://files.example.org/packages"
SIZES = (100, 1_000, 5_000, 20_000)
"""Releases in the locks of which the time of one lookup is compared."""
PLATFORMS = ("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64", "macosx_11_0_arm64", "win_amd64")
MARKERS = ("", "", "", "", 'python_version < "3.13"', 'sys_platform == "win32"', 'platform_system != "Windows"')
WORDS = (
    *("async", "cache", "client", "cloud", "core", "crypto", "data", "event", "fast", "file", "flow", "graph", "http"),
    *(
        "image",
        "index",
        "json",
        "kit",
        "log",
        "mail",
        "map",
        "mesh",
        "model",
        "net",
        "object",
        "parse",
        "path",
        "proto",
    ),
    *(
        "query",
        "queue",
        "rest",
        "router",
        "rule",
        "safe",
        "schema",
        "search",
        "server",
        "sql",
        "stream",
        "sync",
        "table",
    ),
    *("task", "test", "text", "time", "token", "tool", "tree", "type", "unit", "url", "util", "view", "web"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. Times in seconds, sizes in bytes; `other` is how people do it without dxpy."""

    what: str
    dxpy: float
    other_way: str
    other: float

    @property
    def ratio(self) -> float:
        return self.other / self.dxpy


def made_up_lock(count: int, *, most_files: int = 60) -> Lock:
    """A lock of `count` releases that looks like those of real projects, the same every time."""
    chance = random.Random(count)
    names = sorted({f"{'-'.join(chance.sample(WORDS, 2))}-{number}" for number in range(count)})
    packages = [_release(name, names, chance, most_files) for name in names]
    return Lock(
        project=normalize("webapp"),
        requires_python=">=3.11",
        roots=LockedRoots(requirements=tuple(Requirement(normalize(name), specifier=">=1") for name in names[::20])),
        environment={"python_full_version": "3.11.7", "sys_platform": "linux", "platform_machine": "x86_64"},
        packages=tuple(packages),
        resolved_at=1_730_000_000_000_000,
    )


def _release(name: str, names: list[str], chance: random.Random, most_files: int) -> LockedPackage:
    version = f"{chance.randrange(9)}.{chance.randrange(30)}.{chance.randrange(12)}"
    spelled = name.replace("-", "_")
    # one release in four has compiled parts, and then a wheel for each Python and platform
    compiled = chance.random() < 0.25
    tags = [f"cp3{minor}-cp3{minor}-{system}" for minor in range(9, 15) for system in PLATFORMS]
    chosen = tags[: min(most_files, chance.choice((4, 12, 24)))] if compiled else ["py3-none-any"]
    needed = sorted(chance.sample(names, min(len(names), chance.choice((0, 0, 1, 2, 3, 5, 8)))))
    return LockedPackage(
        name=normalize(name),
        version=version,
        source=Source(SourceKind.INDEX, "https://index.example.org/simple"),
        requires_python=chance.choice((">=3.8", ">=3.9", ">=3.10")),
        requirements=tuple(
            Requirement(normalize(other), specifier=f">={chance.randrange(4)}.0", marker=chance.choice(MARKERS))
            for other in needed
        ),
        wheels=tuple(_file(f"{spelled}-{version}-{tag}.whl", chance) for tag in sorted(chosen)),
        sdist=_file(f"{spelled}-{version}.tar.gz", chance),
    )


def _file(filename: str, chance: random.Random) -> LockedFile:
    digest = chance.randbytes(32).hex()
    return LockedFile(
        filename=filename,
        url=f"{FILES_URL}/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}",
        size=chance.randrange(4_000, 9_000_000),
        upload_time=chance.randrange(1_600_000_000, 1_730_000_000) * 1_000_000 + chance.randrange(1_000_000),
        hashes={"sha256": chance.randbytes(32).hex()},
    )


def best_time(work: Callable[[], object], *, runs: int) -> float:
    """Seconds that the fastest of several runs took."""
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is not to be gone over again and again while others allocate
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def lock_rows(count: int, lab: Path) -> list[Row]:
    """The lock beside the same lock as pylock.toml."""
    lock = made_up_lock(count)
    text = write_pylock(lock)
    dpl, pylock, scratch = lab / "dxpy.lock", lab / "pylock.toml", lab / "scratch"
    dpl.write_bytes(build_dpl(lock))
    pylock.write_text(text)
    document = tomllib.loads(text)
    wanted = lock.packages[count // 2].name

    def find() -> None:
        with DplLockFile.open(dpl) as opened:
            assert opened.find(wanted)[0].version

    def look_up() -> None:
        with DplLockFile.open(dpl) as opened:
            assert opened.lookup(wanted)

    def look_up_verified() -> None:
        with DplLockFile.open(dpl) as opened:
            opened.verify()
            assert opened.lookup(wanted)

    def look_up_in_toml() -> None:
        with open(pylock, "rb") as file:
            assert [package for package in tomllib.load(file)["packages"] if package["name"] == wanted]

    toml_lookup = best_time(look_up_in_toml, runs=5)
    build = best_time(lambda: scratch.write_bytes(build_dpl(lock)), runs=5)
    parse = "tomllib.load of pylock.toml"
    return [
        Row("lock: open, find one version", best_time(find, runs=200), parse, toml_lookup),
        Row("lock: with all its files", best_time(look_up, runs=200), parse, toml_lookup),
        Row("lock: and the whole lock verified", best_time(look_up_verified, runs=50), parse, toml_lookup),
        Row(
            "lock: build, write",
            build,
            "tomlkit.dumps, write",
            best_time(lambda: scratch.write_text(tomlkit.dumps(document)), runs=3),
        ),
        Row(
            "lock: build, write",
            build,
            "dxpy's writer of pylock.toml",
            best_time(lambda: scratch.write_text(write_pylock(lock)), runs=3),
        ),
        Row("lock: size", dpl.stat().st_size, "pylock.toml", pylock.stat().st_size),
    ]


def project_rows(lab: Path) -> list[Row]:
    """pyproject.dx beside the pyproject.toml that it is made from: 21 requirements, a few groups and tools."""
    lock = made_up_lock(21)
    document = {
        "build-system": {"requires": ["hatchling>=1.25"], "build-backend": "hatchling.build"},
        "project": {
            "name": "webapp",
            "version": "1.0",
            "requires-python": ">=3.11",
            "dependencies": [f"{package.name}>={package.version}" for package in lock.packages],
        },
        "dependency-groups": {"dev": ["pytest>=8", "ruff>=0.9"], "docs": [{"include-group": "dev"}, "sphinx"]},
        "tool": {"ruff": {"line-length": 120, "lint": {"select": ["A", "B", "E", "F", "I"]}}, "mypy": {"strict": True}},
    }
    text = write_toml(document)
    toml, dx = lab / "pyproject.toml", lab / "pyproject.dx"
    toml.write_text(text)
    dx.write_bytes(build_dx(document, text.encode()))

    def one_value() -> None:
        with DxDocument.open(dx) as opened:
            assert opened.get("project", "version") == "1.0"

    def everything() -> None:
        content = toml.read_bytes()
        with DxDocument.open(dx) as opened:
            assert opened.is_of(content)
            opened.to_dict()

    parse = "tomllib.loads of pyproject.toml"
    parsing = best_time(lambda: tomllib.loads(toml.read_text()), runs=200)
    return [
        Row("project: open, one value", best_time(one_value, runs=200), parse, parsing),
        Row("project: all, if of this text", best_time(everything, runs=200), parse, parsing),
        Row("project: size", dx.stat().st_size, "pyproject.toml", toml.stat().st_size),
    ]


def lookup_times(sizes: Sequence[int], lab: Path) -> dict[int, float]:
    """Seconds for looking one name up in an open lock, by the number of releases; no name is asked for twice."""
    times = {}
    for size in sizes:
        path = lab / f"{size}.lock"
        lock = made_up_lock(size, most_files=4)
        path.write_bytes(build_dpl(lock))
        names = random.Random(1).sample([str(package.name) for package in lock.packages], min(size, 100))

        def look_all_up(path: Path = path, names: list[str] = names) -> float:
            with DplLockFile.open(path, verify=False) as opened:
                started = time.perf_counter()
                for name in names:
                    assert opened.lookup(name)
                return time.perf_counter() - started

        times[size] = min(look_all_up() for _ in range(10)) / len(names)
    return times


def shown(row: Row) -> str:
    value = _size if row.what.endswith("size") else _duration
    return f"{row.what:<36}{value(row.dxpy):>12}  {row.other_way:<32}{value(row.other):>12}{row.ratio:>11,.1f}×"


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:,.1f} µs"
    return f"{seconds * 1e3:,.2f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _size(size: float) -> str:
    return f"{size / 1024:,.1f} KiB"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time dxpy's formats beside TOML.")
    parser.add_argument("--packages", type=int, default=1_000, metavar="N", help="releases in the lock (default: 1000)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", metavar="N", help=f"releases in the locks looked up in (default: {SIZES})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    arguments = parser.parse_args()
    if min(arguments.packages, *(arguments.sizes or SIZES)) < 1:
        parser.error("a lock to look something up in has at least one package")
    with tempfile.TemporaryDirectory(prefix="dxpy-formats-") as directory:
        lab = Path(directory)
        rows = [*lock_rows(arguments.packages, lab), *project_rows(lab)]
        print(f"{arguments.packages} packages; {platform.python_implementation()} {platform.python_version()}\n")
        print(f"{'':<36}{'dxpy':>12}  {'another way':<32}{'':>12}{'ratio':>12}")
        print("\n".join(map(shown, rows)))
        times = lookup_times(arguments.sizes or SIZES, lab)
    print("\nlooking one name up in an open lock:")
    for size, seconds in times.items():
        print(f"{size:>10,} packages{_duration(seconds):>13}")
    if arguments.json:
        figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
        whole = {"python": sys.version, "packages": arguments.packages, "rows": figures, "lookup_seconds": times}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
