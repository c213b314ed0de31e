"""What a lock gives an environment: which releases, which wheels, and what is said when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from locks import package, wheel

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.selection import LockView, Selection, environment_mismatch, reached_from, select
from dxpy_async.core.settings import BuildSettings
from dxpy_async.errors import BuildForbidden, InstallError, LockError, ProjectError
from dxpy_async.formats.dpl import DplLockFile, build_dpl

MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.1",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "#1",
    "python_full_version": "3.12.1",
    "python_version": "3.12",
    "sys_platform": "linux",
}
LINUX = TargetEnvironment(markers=MARKERS, tags=("cp312-cp312-manylinux_2_17_x86_64", "py3-none-any"))


def other(**changes: str) -> TargetEnvironment:
    return replace(LINUX, markers={**MARKERS, **changes})


def need(name: str, *extras: str, marker: str = "", specifier: str = "", url: str | None = None) -> Requirement:
    return Requirement(ProjectName(name), tuple(map(ExtraName, extras)), specifier, url, marker)


def lock_of(*packages: LockedPackage, roots: LockedRoots | None = None, **more: str) -> Lock:
    """A lock made on LINUX; everything in it is a root unless roots are given."""
    asked = LockedRoots(requirements=tuple(need(each.name) for each in packages)) if roots is None else roots
    return Lock(roots=asked, packages=packages, environment=MARKERS, **more)


def roots(*requirements: Requirement, **optional: tuple[Requirement, ...]) -> LockedRoots:
    return LockedRoots(
        requirements=requirements, optional={ExtraName(extra): asked for extra, asked in optional.items()}
    )


def names(selection: Selection) -> list[str]:
    return [item.package.name for item in selection.packages]


@pytest.fixture(params=["value", "disk"])
def seen(request: pytest.FixtureRequest) -> Callable[[Lock], LockView]:
    """The same lock as a value, and open on disk."""
    if request.param == "value":
        return lambda lock: lock
    return lambda lock: DplLockFile(build_dpl(lock), file="dxpy.lock")


Seen = Callable[[Lock], LockView]


def test_the_walk_follows_the_edges_whose_markers_hold(seen: Seen) -> None:
    lock = lock_of(
        package("a", "1", need("b"), need("win", marker='sys_platform == "win32"')),
        package("b", "1", need("c", marker='python_version >= "3.12"'), need("a")),
        package("c", "1"),
        package("unused", "1"),
        package("win", "1"),
        roots=roots(need("a")),
    )
    selection = select(seen(lock), LINUX)
    assert names(selection) == ["a", "b", "c"]
    assert selection.requested == {"a"}
    windows = select(seen(lock), other(sys_platform="win32", python_version="3.11"))
    assert names(windows) == ["a", "b", "win"]


def test_extras_of_packages_bring_what_they_need(seen: Seen) -> None:
    lock = lock_of(
        replace(
            package(
                "a",
                "1",
                need("base"),
                need("fast", marker='extra == "speed"'),
                need("tls", marker='extra == "secure" and sys_platform == "linux"'),
                need("win", marker='extra == "secure" and sys_platform == "win32"'),
                need("a", "speed", "secure", marker='extra == "all"'),
            ),
            extras=(ExtraName("all"), ExtraName("secure"), ExtraName("speed")),
        ),
        package("base", "1"),
        package("fast", "1"),
        package("tls", "1"),
        package("user", "1", need("a", "speed")),
        roots=LockedRoots(),
    )

    def chosen(*asked: Requirement) -> list[str]:
        return names(select(seen(replace(lock, roots=roots(*asked))), LINUX))

    assert chosen(need("a")) == ["a", "base"]
    assert chosen(need("a", "secure")) == ["a", "base", "tls"]
    assert chosen(need("a", "all")) == ["a", "base", "fast", "tls"]
    assert chosen(need("user"), need("a")) == ["a", "base", "fast", "user"]
    assert chosen(need("a", "unheard-of")) == ["a", "base"]


def test_named_platforms_that_share_their_markers_are_told_apart_by_wheels(seen: Seen) -> None:
    """A named platform has no release, and how old its C library may be is in no marker."""
    named = {**MARKERS, "platform_release": "", "platform_version": ""}
    newer = package("a", "1", wheels=(wheel("a", "1", "cp312-cp312-manylinux_2_28_x86_64"),))
    lock = seen(replace(lock_of(newer), environment=named))
    target = replace(LINUX, markers=named)
    mismatch = environment_mismatch(lock, target)
    assert mismatch is not None
    assert mismatch.startswith("it holds `a` 1, which has no wheel for CPython 3.12.1 on linux x86_64")
    assert environment_mismatch(lock, replace(target, tags=("cp312-cp312-manylinux_2_28_x86_64",))) is None


def test_extras_that_ask_for_each_other_come_to_an_end(seen: Seen) -> None:
    a = package("a", "1", need("a", "y", marker='extra == "x"'), need("a", "x", marker='extra == "y"'))
    assert names(select(seen(lock_of(a, roots=roots(need("a", "x")))), LINUX)) == ["a"]


def test_the_projects_extras_and_groups_are_asked_for_by_name(seen: Seen) -> None:
    lock = seen(
        replace(
            lock_of(
                package("a", "1"),
                package("fast", "1"),
                package("nice", "1"),
                package("test", "1"),
                roots=LockedRoots(
                    requirements=(need("a"),),
                    optional={
                        ExtraName("fast"): (need("fast"),),
                        ExtraName("all"): (need("webapp", "fast", "more"),),
                        ExtraName("more"): (need("nice"), need("webapp", "all")),
                    },
                    groups={GroupName("dev"): (need("test"),)},
                ),
            ),
            project="webapp",
        )
    )
    assert names(select(lock, LINUX)) == ["a"]
    assert names(select(lock, LINUX, extras=["fast"])) == ["a", "fast"]
    assert names(select(lock, LINUX, extras=["All"])) == ["a", "fast", "nice"]
    with_group = select(lock, LINUX, groups=["dev"])
    assert (names(with_group), with_group.requested) == (["a", "test"], {"a", "test"})
    assert reached_from(lock, MARKERS, extras=["fast"], groups=["dev"]) == {"a", "fast", "test"}


def test_an_unknown_extra_or_group_suggests_close_names() -> None:
    lock = lock_of(
        roots=LockedRoots(optional={ExtraName("postgres"): ()}, groups={GroupName("docs"): (), GroupName("dev"): ()})
    )
    with pytest.raises(ProjectError, match="the project has no extra `postgress`") as caught:
        select(lock, LINUX, extras=["postgress"])
    assert caught.value.hints() == ("did you mean `postgres`?",)
    with pytest.raises(ProjectError, match="no dependency group `zzz`") as caught:
        select(lock, LINUX, groups=["zzz"])
    assert caught.value.hints() == ("there is `dev`, `docs`",)
    with pytest.raises(ProjectError, match="no extra `x`") as caught:
        select(Lock(), LINUX, extras=["x"])
    assert caught.value.hints() == ("the project has no extras",)


def test_the_wheel_is_the_one_that_fits_best(seen: Seen) -> None:
    wheels = (
        wheel("a", "1", "cp311-cp311-manylinux_2_17_x86_64"),
        wheel("a", "1", "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        wheel("a", "1", "py2.py3-none-any"),
    )
    (chosen,) = select(seen(lock_of(package("a", "1", wheels=wheels))), LINUX).packages
    assert chosen.file == wheels[1]


def test_a_release_with_only_an_sdist_is_built_from_it_unless_that_is_forbidden(seen: Seen) -> None:
    sdist = replace(wheel("a", "1"), filename="a-1.tar.gz")
    lock = lock_of(replace(package("a", "1", wheels=(wheel("a", "1", "cp39-cp39-win_amd64"),)), sdist=sdist))
    (chosen,) = select(seen(lock), LINUX).packages
    assert (chosen.file, chosen.is_built) == (sdist, True)
    with pytest.raises(BuildForbidden, match=r"`a` 1 has no wheel for this environment.*`a-1.tar.gz`"):
        select(seen(lock), LINUX, builds=BuildSettings(no_build=True))


def test_a_release_with_nothing_that_fits_names_what_is_there(seen: Seen) -> None:
    lock = lock_of(package("a", "1", wheels=(wheel("a", "1", "cp39.cp310-abi3-win_amd64"),)))
    with pytest.raises(InstallError) as caught:
        select(seen(lock), LINUX)
    assert str(caught.value) == (
        "`a` 1 has no wheel for CPython 3.12.1 on linux x86_64; "
        "its wheels are for `cp310-abi3-win_amd64`, `cp39-abi3-win_amd64`"
    )
    with pytest.raises(InstallError, match="the lock has none at all"):
        select(seen(lock_of(package("a", "1", wheels=()))), LINUX)


def test_a_lock_that_lacks_what_an_edge_needs_is_refused(seen: Seen) -> None:
    lock = lock_of(package("a", "1", need("gone", specifier=">=2")))
    with pytest.raises(LockError, match=r"`a` 1 needs `gone>=2` in this environment, and the lock does not hold one"):
        select(seen(lock), LINUX)


def test_of_several_releases_the_edge_says_which() -> None:
    direct = replace(package("b", "3"), source=Source(SourceKind.DIRECT, "https://x/b.whl"))
    several = (package("b", "1"), package("b", "2"), direct)

    def version(*asked: Requirement) -> str:
        return select(lock_of(*several, roots=roots(*asked)), LINUX).packages[0].package.version

    assert version(need("b", specifier="<2")) == "1"
    assert version(need("b", specifier=">=1.5,<3")) == "2"
    assert version(need("b", url="https://x/b.whl")) == "3"
    assert version(need("b", specifier="==1"), need("b")) == "1"
    with pytest.raises(LockError, match="holds 3 releases that would do"):
        version(need("b"))
    with pytest.raises(LockError, match="`b` in versions 1 and 2"):
        version(need("b", specifier="==1"), need("b", specifier="==2"))


def test_a_release_for_another_python_is_not_installed(seen: Seen) -> None:
    lock = seen(lock_of(replace(package("a", "1"), requires_python=">=3.12")))
    assert names(select(lock, LINUX)) == ["a"]
    with pytest.raises(InstallError, match=r"`a` 1 is for Python >=3.12, and this is CPython 3.11.9"):
        select(lock, other(python_version="3.11", python_full_version="3.11.9"))


def test_a_lock_serves_environments_that_its_markers_do_not_tell_apart(seen: Seen) -> None:
    lock = seen(
        lock_of(
            package("a", "1", need("b", marker='python_full_version < "3.12.4" and sys_platform != "win32"')),
            package("b", "1"),
            requires_python=">=3.12",
        )
    )
    assert environment_mismatch(lock, LINUX) is None
    assert environment_mismatch(lock, other(platform_release="6.2", platform_version="#2")) is None
    assert environment_mismatch(lock, other(sys_platform="darwin", python_full_version="3.12.2")) is None


def test_a_lock_whose_wheels_are_for_others_only_says_whose(seen: Seen) -> None:
    sdist = replace(wheel("b", "1"), filename="b-1.tar.gz")
    lock = seen(
        lock_of(
            package("a", "1", wheels=(wheel("a", "1", "cp312-cp312-manylinux_2_17_x86_64"),)),
            replace(package("b", "1", wheels=()), sdist=sdist),
        )
    )
    assert environment_mismatch(lock, LINUX) is None
    older = replace(other(python_full_version="3.11.9", python_version="3.11"), tags=("cp311-cp311-linux_x86_64",))
    assert environment_mismatch(lock, older) == (
        "it holds `a` 1, which has no wheel for CPython 3.11.9 on linux x86_64; "
        "its wheels are for `cp312-cp312-manylinux_2_17_x86_64`"
    )


EARLY = 'python_full_version < "3.12.4" and sys_platform != "win32"'
ARM = "extra == 'x' and platform_machine == 'arm64'"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            other(python_full_version="3.12.9"),
            f"python_full_version was `3.12.1` where it was made and is `3.12.9` here, which `{EARLY}` of `a` 1",
        ),
        (
            other(sys_platform="win32"),
            f"sys_platform was `linux` where it was made and is `win32` here, which `{EARLY}` of `a` 1",
        ),
        (
            other(platform_machine="arm64"),
            f"platform_machine was `x86_64` where it was made and is `arm64` here, which `{ARM}` of `a` 1",
        ),
        (
            other(python_full_version="3.11.9", python_version="3.11"),
            "it is for Python >=3.12, and this is CPython 3.11.9 on linux x86_64",
        ),
        (
            other(python_full_version="3.12.2"),
            "it holds `b` 1, which is for Python <3.12.2, and this is CPython 3.12.2 on linux x86_64",
        ),
    ],
)
def test_a_lock_for_another_environment_says_what_differs(seen: Seen, target: TargetEnvironment, reason: str) -> None:
    lock = lock_of(
        replace(package("a", "1", need("b", marker=EARLY), need("c", marker=ARM)), extras=(ExtraName("x"),)),
        replace(package("b", "1"), requires_python="<3.12.2"),
        requires_python=">=3.12",
    )
    assert reason in (environment_mismatch(seen(lock), target) or "")


def test_trees_have_no_file_and_virtual_ones_only_bring_what_they_require(seen: Seen) -> None:
    def tree(name: str, url: str, *requirements: Requirement) -> LockedPackage:
        kind = SourceKind.GIT if url.startswith("git+") else SourceKind.TREE
        return replace(package(name, "1", *requirements, wheels=()), source=Source(kind, url))

    lock = lock_of(
        tree("app", "file:apps/app#virtual=true", need("lib")),
        tree("lib", "file:libs/lib#editable=true", need("tool", url="git+https://git.test/tool@main")),
        tree("tool", f"git+https://git.test/tool@{'0a' * 20}#requested=main"),
        roots=roots(need("app")),
    )
    selection = select(seen(lock), LINUX)
    assert [(item.package.name, item.file, item.is_built) for item in selection.packages] == [
        ("lib", None, True),
        ("tool", None, True),
    ]
