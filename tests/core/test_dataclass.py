"""The quick decorator makes what Python's own makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from dxpy_async.core import dataclass as ours
from dxpy_async.core.dataclass import dataclass, field, from_rows, replace
from dxpy_async.core.locks import LockedFile

T = TypeVar("T")


def classes(decorator: Any) -> dict[str, Any]:
    """The same classes, made by one decorator or the other."""

    @decorator(frozen=True, slots=True)
    class Empty:
        pass

    @decorator(frozen=True, slots=True)
    class One:
        only: int

    @decorator(frozen=True, slots=True)
    class Many(Generic[T]):
        """Said of it."""

        first: int
        second: list[T] = field(default_factory=list)
        third: str = field(default="x", compare=False, repr=False)
        fourth: None = None

        @property
        def both(self) -> str:
            return f"{self.first}{self.third}"

    @decorator(frozen=True, slots=True, kw_only=True)
    class Named:
        late: int = 1
        early: int

    @decorator(frozen=True, slots=True, eq=False)
    class Same:
        value: int

    return {"Empty": Empty, "One": One, "Many": Many, "Named": Named, "Same": Same}


QUICK, PYTHONS = classes(dataclass), classes(dataclasses.dataclass)
MADE: list[Callable[[dict[str, Any]], Any]] = [
    lambda known: known["Empty"](),
    lambda known: known["One"](1),
    lambda known: known["One"](only=1),
    lambda known: known["Many"](1),
    lambda known: known["Many"](1, [2], third="y"),
    lambda known: known["Named"](early=2),
    lambda known: known["Named"](early=2, late=3),
    lambda known: known["Same"](1),
]


@pytest.mark.parametrize("make", MADE)
def test_objects_are_shown_compared_and_taken_apart_alike(make: Callable[[dict[str, Any]], Any]) -> None:
    one, other = make(QUICK), make(PYTHONS)
    assert repr(one) == repr(other)
    assert (one == make(QUICK)) is (other == make(PYTHONS))
    assert one != other
    assert [f.name for f in dataclasses.fields(one)] == [f.name for f in dataclasses.fields(other)]
    assert dataclasses.asdict(one) == dataclasses.asdict(other)
    assert type(one).__match_args__ == type(other).__match_args__
    assert type(one).__slots__ == type(other).__slots__
    assert not hasattr(one, "__dict__")
    assert str(inspect.signature(type(one))) == str(inspect.signature(type(other)))
    assert repr(dataclasses.replace(one)) == repr(one)
    assert repr(copy.deepcopy(one)) == repr(one)


def test_hashes_go_with_equality() -> None:
    assert hash(QUICK["One"](1)) == hash(QUICK["One"](1))
    assert len({QUICK["Named"](early=1), QUICK["Named"](early=1), QUICK["Named"](early=2)}) == 2
    assert len({QUICK["Same"](1), QUICK["Same"](1)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(QUICK["Many"](1))


@pytest.mark.parametrize("wrong", [((), {}), ((1, 2), {}), ((), {"other": 1}), ((1,), {"only": 1})])
def test_constructors_refuse_the_same(wrong: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    args, kwargs = wrong
    said = []
    for known in (classes(dataclass), PYTHONS):  # fresh ones have no constructor yet
        with pytest.raises(TypeError) as error:
            known["One"](*args, **kwargs)
        said.append(str(error.value))
    assert said[0] == said[1]


def test_nothing_can_be_changed() -> None:
    one = QUICK["One"](1)
    for change in (lambda: setattr(one, "only", 2), lambda: setattr(one, "more", 2), lambda: delattr(one, "only")):
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
            change()
    assert one.only == 1


def test_they_are_pickled_and_matched_like_the_original() -> None:
    file = LockedFile(filename="a", url="b", hashes={"sha256": "c"})
    assert pickle.loads(pickle.dumps(file)) == file
    assert dataclasses.replace(file, url="d").url == "d"
    match QUICK["Many"](1, [2]):
        case object(first=first, second=second):
            assert (first, second) == (1, [2])
    assert QUICK["Many"].__doc__ == "Said of it."
    assert QUICK["Many"](1).both == "1x"


def test_what_is_not_plain_is_left_to_the_original() -> None:
    @dataclass(slots=True)
    class Changing:
        value: int

    @dataclass(frozen=True, slots=True)
    class Narrower(QUICK["One"]):  # type: ignore[misc]
        more: int = 2

    thing = Changing(1)
    thing.value = 2
    assert thing == Changing(2)
    assert repr(Narrower(1)).endswith("Narrower(only=1, more=2)")
    with pytest.raises(ValueError, match="mutable default"):

        @dataclass(frozen=True, slots=True)
        class Wrong:
            many: list[int] = []  # noqa: RUF012

    assert ours.__all__ == ["dataclass", "field", "from_rows", "replace"]
    assert replace(Narrower(1), more=3) == Narrower(1, 3)


def test_replacing_gives_what_the_original_gives_and_refuses_what_it_refuses() -> None:
    class Plain(QUICK["One"]):  # type: ignore[misc]
        pass

    for value, changes in ((QUICK["Many"](1, [2], "y"), {"first": 5}), (QUICK["One"](1), {}), (Plain(1), {"only": 2})):
        ours_made, original = replace(value, **changes), dataclasses.replace(value, **changes)
        assert ours_made == original
        assert ours_made.__class__ is original.__class__
    assert replace(QUICK["Many"](1, [2], "y"), fourth=None).third == "y"
    with pytest.raises(TypeError, match="fifth"):
        replace(QUICK["Many"](1), fifth=1)


def test_values_of_rows_are_those_that_the_constructor_makes() -> None:
    rows = [("a.whl", "u", 1, None, {}), ("b.whl", "v", None, 2, {"sha256": "0"})]
    assert from_rows(LockedFile, rows) == [
        LockedFile(filename="a.whl", url="u", size=1),
        LockedFile(filename="b.whl", url="v", upload_time=2, hashes={"sha256": "0"}),
    ]
    assert from_rows(LockedFile, []) == []
    with pytest.raises(ValueError, match="zip"):
        from_rows(LockedFile, [("a.whl",), ("b.whl", "v")])
