"""`requirements.txt`: pins with the hashes of all files, for what the chosen extras and groups need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from locks import package, wheel

from dxpy_async.core.locks import Lock, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import LockError, ProjectError
from dxpy_async.formats.requirements_txt import PLAIN, header_of, write_requirements

BARE = replace(PLAIN, hashes=False)

LOCK = Lock(
    project="webapp",
    requires_python=">=3.11",
    roots=LockedRoots(
        requirements=(Requirement(ProjectName("flask")),),
        optional={ExtraName("direct"): (Requirement(ProjectName("archive")),)},
        groups={GroupName("dev"): (Requirement(ProjectName("pytest")),)},
    ),
    environment={"sys_platform": "linux"},
    packages=(
        replace(package("archive", "1"), source=Source(SourceKind.DIRECT, "https://example.org/archive.whl")),
        package(
            "flask",
            "3.0",
            Requirement(ProjectName("pytest"), marker='sys_platform == "win32"'),
            wheels=(wheel("flask", "3.0", number=2), wheel("flask", "3.0", "cp311-none-any", number=1)),
        ),
        package("pytest", "8.0"),
    ),
)
FLASK = f"""\
# made by dxpy from the lock of webapp
# for Python >=3.11
flask==3.0 \\
    --hash=sha256:{2:064x} \\
    --hash=sha256:{3:064x}
"""


def test_what_the_project_needs_is_pinned_with_every_hash() -> None:
    assert write_requirements(LOCK, style=replace(PLAIN, header=header_of(LOCK))) == FLASK


def test_extras_and_groups_bring_theirs() -> None:
    text = write_requirements(LOCK, extras=["direct"], groups=["dev"], style=BARE)
    assert text.splitlines() == ["archive @ https://example.org/archive.whl", "flask==3.0", "pytest==8.0"]
    with pytest.raises(ProjectError, match="no extra `gone`"):
        write_requirements(LOCK, extras=["gone"])


def test_what_only_markers_ask_for_has_them() -> None:
    linux, new = 'sys_platform == "linux"', 'python_version >= "3.8"'
    lock = Lock(
        roots=LockedRoots(
            requirements=(
                Requirement(ProjectName("a"), marker=linux),
                Requirement(ProjectName("d"), url="https://example.org/d.whl", marker=linux),
            )
        ),
        environment={"sys_platform": "linux", "python_version": "3.11"},
        packages=(
            package("a", "1", Requirement(ProjectName("b"), marker=new)),
            package("b", "1"),
            replace(package("d", "1"), source=Source(SourceKind.DIRECT, "https://example.org/d.whl")),
        ),
    )
    assert write_requirements(lock, style=BARE).splitlines() == [
        'a==1 ; sys_platform == "linux"',
        'b==1 ; python_version >= "3.8" and sys_platform == "linux"',
        'd @ https://example.org/d.whl ; sys_platform == "linux"',
    ]


def test_a_release_without_a_hash_is_not_written_as_if_it_were_checked() -> None:
    weak = replace(wheel("flask", "3.0"), hashes={"md5": "00"})
    lock = replace(LOCK, packages=(package("flask", "3.0", wheels=(weak,)),))
    with pytest.raises(LockError, match=r"`flask` 3.0 has no file with a hash"):
        write_requirements(lock)
    assert write_requirements(lock, style=BARE).endswith("flask==3.0\n")


def test_nothing_in_a_lock_can_add_lines() -> None:
    source = Source(SourceKind.DIRECT, "https://example.org/a\n--index-url https://evil.example.org")
    lock = replace(LOCK, packages=(replace(package("flask", "3.0"), source=source),))
    with pytest.raises(LockError, match=r"cannot stand in requirements\.txt"):
        write_requirements(lock)
    odd = replace(wheel("flask", "3.0"), hashes={"sha256": "00\n--pre", "sha512": "ab"})
    lock = replace(LOCK, packages=(package("flask", "3.0", wheels=(odd,)),))
    assert write_requirements(lock).endswith("flask==3.0 \\\n    --hash=sha512:ab\n")


def test_trees_are_named_by_path_or_commit() -> None:
    def tree(name: str, kind: SourceKind, url: str) -> LockedPackage:
        return replace(package(name, "1", wheels=()), source=Source(kind, url))

    commit = "0a" * 20
    packages = (
        tree("app", SourceKind.TREE, "file:app#virtual=true"),
        tree("bar", SourceKind.TREE, "file:libs/bar#editable=true"),
        tree("baz", SourceKind.TREE, "file:../baz#subdirectory=src"),
        tree("foo", SourceKind.GIT, f"git+https://git.test/foo@{commit}#requested=main&subdirectory=d"),
    )
    lock = Lock(roots=LockedRoots(requirements=tuple(Requirement(each.name) for each in packages)), packages=packages)
    assert write_requirements(lock).splitlines() == [
        "-e ./libs/bar",
        "../baz/src",
        f"foo @ git+https://git.test/foo@{commit}#subdirectory=d",
    ]
