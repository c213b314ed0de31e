"""Environments that link to the store by symlink say what they need, and count while they are on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.errors import StoreError
from dxpy_async.store.roots import Root, Roots
from dxpy_async.store.trees import remove_tree

ONE, OTHER, THIRD = "1" * 64, "2" * 64, "3" * 64


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "cache")


def environment(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name / ".venv"
    path.mkdir(parents=True)
    return path


def test_a_store_without_roots_has_no_holders_and_is_not_made(roots: Roots, tmp_path: Path) -> None:
    assert roots.holders(ONE) == []
    assert not (tmp_path / "cache").exists()


def test_an_environment_holds_what_it_registered_last(roots: Roots, tmp_path: Path) -> None:
    first, second = environment(tmp_path, "a"), environment(tmp_path, "b\n\udcff ü")
    roots.register(first, [ONE, OTHER])
    roots.register(second, iter([OTHER]))
    assert roots.holders(OTHER) == [first, second]
    roots.register(first, [ONE, THIRD])
    assert roots.holders(OTHER) == [second]
    assert roots.living() == [Root(first, frozenset({ONE, THIRD})), Root(second, frozenset({OTHER}))]


def test_an_environment_that_needs_nothing_is_forgotten(roots: Roots, tmp_path: Path) -> None:
    first = environment(tmp_path, "a")
    roots.register(first, [ONE])
    roots.register(first, [])
    roots.register(first, [])
    assert roots.living() == []
    assert list((tmp_path / "cache/roots-v1").iterdir()) == []


def test_an_environment_that_is_gone_is_dropped(roots: Roots, tmp_path: Path) -> None:
    first = environment(tmp_path, "a")
    roots.register(first, [ONE])
    remove_tree(str(first))
    assert roots.holders(ONE) == []
    assert list((tmp_path / "cache/roots-v1").iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"/", b"\0", b"/elsewhere\0" + ONE.encode()])
def test_a_damaged_root_is_dropped(roots: Roots, tmp_path: Path, damage: bytes) -> None:
    roots.register(environment(tmp_path, "a"), [ONE])
    (place,) = (tmp_path / "cache/roots-v1").iterdir()
    place.write_bytes(damage)
    assert roots.living() == []


def test_a_root_that_says_where_by_way_of_elsewhere_is_dropped(roots: Roots, tmp_path: Path) -> None:
    environment(tmp_path, "a")
    roots.register(tmp_path / "cache/environments-v1/../../a/.venv", [ONE])
    assert roots.living() == []


def test_what_is_no_root_is_left_alone(roots: Roots, tmp_path: Path) -> None:
    roots.register(environment(tmp_path, "a"), [ONE])
    other = tmp_path / "cache/roots-v1/notes.txt"
    other.write_text("somebody's")
    assert len(roots.living()) == 1
    assert other.exists()


def test_a_store_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(StoreError, match="cannot register the environment"):
        Roots(tmp_path / "cache").register(environment(tmp_path, "a"), [ONE])
