"""Which directories become one symbolic link, and which stay real."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.installer.folding import Fold, fold, with_parents

ONE, TWO = normalize("one"), normalize("two")


def folded(*, foreign: tuple[str, ...] = (), **wheels: list[str]) -> dict[ProjectName, Fold]:
    return fold({normalize(name): files for name, files in wheels.items()}, foreign.__contains__)


def test_a_package_is_one_link_and_a_module_is_another() -> None:
    assert folded(one=["one/__init__.py", "one/deep/er.py", "single.py"]) == {ONE: Fold(("one",), ("single.py",))}


def test_a_directory_that_two_wheels_share_is_real_as_deep_as_they_share_it() -> None:
    found = folded(one=["ns/__init__.py", "ns/one/a.py", "ns/one/deep/c.py"], two=["ns/__init__.py", "ns/two/b.py"])
    assert found == {
        ONE: Fold(("ns/one/deep",), ("ns/__init__.py", "ns/one/a.py")),
        TWO: Fold((), ("ns/__init__.py", "ns/two/b.py")),
    }


def test_a_namespace_of_directories_alone_is_real_for_those_who_come_later() -> None:
    assert folded(one=["google/cloud/storage/__init__.py"]) == {ONE: Fold(("google/cloud/storage",), ())}


def test_a_directory_of_files_that_is_no_package_is_a_link() -> None:
    assert folded(one=["one.libs/liba.so", "one.libs/libb.so"]) == {ONE: Fold(("one.libs",), ())}


def test_what_is_there_already_stays_real() -> None:
    assert folded(one=["ns/a.py", "ns/x/b.py"], foreign=("ns",)) == {ONE: Fold((), ("ns/a.py", "ns/x/b.py"))}


def test_bytecode_beside_real_files_is_in_a_real_directory() -> None:
    assert folded(one=["__pycache__/a.cpython-312.pyc", "a.py"]) == {
        ONE: Fold((), ("__pycache__/a.cpython-312.pyc", "a.py"))
    }


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(st.sampled_from([ONE, TWO, normalize("three")]), st.sets(PATHS, min_size=1, max_size=8)))
def test_every_file_is_reached_through_its_own_wheels_links(wheels: dict[ProjectName, set[str]]) -> None:
    # A path is either a file or a directory, in all wheels.
    heads = {str(parent) for files in wheels.values() for path in files for parent in PurePosixPath(path).parents}
    files = {name: sorted(path for path in paths if path not in heads) for name, paths in wheels.items()}
    found = fold(files, lambda _: False)
    links = {name: {*each.directories, *each.files} for name, each in found.items()}
    for name, paths in files.items():
        for path in paths:
            assert len({path, *map(str, PurePosixPath(path).parents)} & links[name]) == 1
            for other in links.keys() - {name}:
                # Another wheel's directory is never above it.
                assert not {str(parent) for parent in PurePosixPath(path).parents} & links[other]


def test_parents_come_before_their_children() -> None:
    assert with_parents(["a/b/c", "a-b"]) == ("a", "a-b", "a/b", "a/b/c")
    assert os.path.dirname("a/b") in with_parents(["a/b"])
