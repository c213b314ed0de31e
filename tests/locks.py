"""Locks to test with: strategies for any lock that the value type can express, and a small realistic one."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import InvalidLock
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl import DplLockFile

PYPI_LIKE = "https://files.example.org/packages"

texts = st.one_of(st.sampled_from(["", "x", "é", "\x00\n", "\U0001f40d"]), st.text(max_size=8))
names = st.one_of(st.sampled_from(["a", "a-b", "0", "zz"]), st.integers(0, 99).map("p{}".format)).map(ProjectName)
extras = st.lists(names.map(ExtraName), max_size=2, unique=True).map(lambda found: tuple(sorted(found)))
hex_digests = st.integers(0, 2**256 - 1).map("{:064x}".format)
versions = st.one_of(
    st.sampled_from(["1", "1.0", "2.0.0a1", "2024.1.31", "1!3", "1.0+local.1", "1.2.3.4.5", "0.dev1", "not a version"]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda parts: f"{parts[0]}.{parts[1]}"),
)
requirements = st.builds(
    Requirement,
    name=names,
    extras=extras,
    specifier=st.one_of(st.sampled_from(["", ">=1", ">=1,<2", "==1.0"]), texts),
    url=st.one_of(st.none(), st.just(""), texts),
    marker=st.one_of(st.sampled_from(["", 'python_version < "3.12"', 'extra == "a"']), texts),
)
requirement_lists = st.lists(requirements, max_size=2).map(tuple)
filenames = st.one_of(
    texts,
    st.sampled_from(
        ["a-1.0-py3-none-any.whl", "a-1.0.tar.gz", "a-1.0-1build-cp312-cp312-linux_x86_64.whl", "-.whl", "--"]
    ),
    st.integers(250, 260).map(lambda length: f"a-1-{'x' * length}.whl"),
)
urls = st.one_of(
    texts,
    st.tuples(st.sampled_from([PYPI_LIKE, "file:///wheels", "x" * 260]), hex_digests).map(
        lambda parts: f"{parts[0]}/{parts[1][:2]}/{parts[1][2:4]}/{parts[1][4:]}/"
    ),
    st.sampled_from([f"{PYPI_LIKE}/", "file:///wheels/"]),
)
hashes = st.one_of(
    hex_digests.map(lambda digest: {"sha256": digest}),
    st.dictionaries(st.sampled_from(["sha256", "sha512", "md5", ""]), st.one_of(hex_digests, texts), max_size=3),
)


@st.composite
def locked_files(draw: st.DrawFn) -> LockedFile:
    filename, base = draw(filenames), draw(urls)
    return LockedFile(
        filename=filename,
        url=base + draw(st.sampled_from([filename, "", "?"])),
        size=draw(st.one_of(st.none(), st.integers(0, 2**64 - 2))),
        upload_time=draw(st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1))),
        hashes=draw(hashes),
    )


locked_packages = st.builds(
    LockedPackage,
    name=names,
    version=versions,
    source=st.builds(Source, st.sampled_from(SourceKind), st.sampled_from(["", "https://i.example.org/simple", "é"])),
    requires_python=st.sampled_from(["", ">=3.8"]),
    extras=extras,
    requirements=requirement_lists,
    wheels=st.lists(locked_files(), max_size=2).map(tuple),
    sdist=st.one_of(st.none(), locked_files()),
)

locks = st.builds(
    Lock,
    project=st.one_of(st.just(""), names),
    requires_python=texts,
    roots=st.builds(
        LockedRoots,
        requirements=requirement_lists,
        optional=st.dictionaries(names.map(ExtraName), requirement_lists, max_size=2),
        groups=st.dictionaries(names.map(GroupName), requirement_lists, max_size=2),
    ),
    environment=st.dictionaries(st.sampled_from(["python_full_version", "sys_platform", "platform_machine"]), texts),
    settings=st.dictionaries(texts, texts, max_size=2),
    packages=st.lists(
        locked_packages, max_size=4, unique_by=lambda package: (package.name, package.version, package.source)
    ).map(tuple),
    resolved_at=st.integers(0, 2**64 - 1),
)
"""Any lock at all; its packages are in no order."""


def wheel(
    name: str, version: str, tags: str = "py3-none-any", *, number: int = 1, size: int | None = 1000
) -> LockedFile:
    """A wheel on an index like the public one; `number` makes its digests."""
    filename = f"{name.replace('-', '_')}-{version}-{tags}.whl"
    path = f"{number:064x}"
    return LockedFile(
        filename=filename,
        url=f"{PYPI_LIKE}/{path[:2]}/{path[2:4]}/{path[4:]}/{filename}",
        size=size,
        upload_time=1_700_000_000_000_000 + number,
        hashes={"sha256": f"{number + 1:064x}"},
    )


def package(
    name: str, version: str, *needs: Requirement, wheels: tuple[LockedFile, ...] | None = None
) -> LockedPackage:
    """A release on an index, with one wheel that fits everywhere unless others are given."""
    return LockedPackage(
        name=ProjectName(name),
        version=version,
        source=Source(SourceKind.INDEX, "https://i.example.org/simple"),
        requires_python=">=3.8",
        requirements=needs,
        wheels=(wheel(name, version),) if wheels is None else wheels,
    )


def with_digests(data: bytes) -> bytes:
    """A lock of these bytes in which all digests are right; its header must be whole."""
    start = layout.HEADER.size + 32 * layout.HEADER.unpack_from(data)[10 + layout.BLOCKS]
    blocks = b"".join(blake3_of(data[at : at + 8192]) for at in range(start, len(data), 8192))
    return data[:168] + blake3_of(data[:168], blocks) + blocks + data[start:]


def ask_everything(data: bytes) -> None:
    """Ask a reader that does not check the digest for all it can tell, each thing by itself, so that no damage hides
    behind another. Whatever is not an InvalidLock comes out."""
    try:
        file = DplLockFile(data, file="dxpy.lock", verify=False)
    except InvalidLock:
        return
    questions: tuple[Callable[[], object], ...] = (
        lambda: file.packages,
        lambda: file.roots,
        lambda: (file.environment, file.settings),
        lambda: [file.lookup(name) for name in ("a", "a-b", "0", "flask", "numpy")],
        lambda: list(file),
        lambda: [entry.best_wheel({"py3-none-any": 0}) for entry in file.packages],
        file.to_lock,
    )
    for ask in questions:
        try:
            ask()
        except InvalidLock:
            continue
