"""`@dataclass(frozen=True, slots=True)` for a program that must start quickly.

Python's own decorator writes the source of half a dozen methods and compiles each: 0.8 ms a class, and a command loads
eighty classes of which it makes objects of twenty. The one here has methods that do not depend on the fields, and
compiles a constructor when the first object is made. What it makes behaves as the original does, `fields`, `replace`,
pickling and patterns included; whatever is not plain (a class that can be changed, inherited fields, `__post_init__`)
it leaves to the original. To a type checker it is the original.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, field
from inspect import signature
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass", "field", "from_rows", "replace"]

T = TypeVar("T")

_PLAIN_OPTIONS = {"frozen", "slots", "kw_only", "eq"}
_WRITTEN = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__post_init__", "__slots__")
_SPECIAL = ("ClassVar", "typing.ClassVar", "InitVar", "dataclasses.InitVar", "KW_ONLY", "dataclasses.KW_ONLY")

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """As `dataclasses.dataclass`."""
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        plain = _is_plain(cls, options)
        return _made(cls, options) if plain else dataclasses.dataclass(cls, **options)


def replace(value: T, /, **changes: Any) -> T:
    """As `dataclasses.replace`, which would have the original made of a class that is made here."""
    own = type(value).__dict__.get("__replace__")
    made: T = dataclasses.replace(value, **changes) if own is None else own(value, **changes)  # type: ignore[type-var]
    return made


def from_rows(kind: type[T], rows: Sequence[tuple[object, ...]]) -> list[T]:
    """Values of a slotted dataclass from rows of all their fields.

    Field by field over all values, without running the constructor, which is a fifth of its cost; a lock has thousands.
    """
    values = [object.__new__(kind) for _ in rows]
    for name, column in zip(kind.__slots__, zip(*rows, strict=True), strict=False):  # type: ignore[attr-defined]
        deque(map(getattr(kind, name).__set__, values, column), maxlen=0)
    return values


def _is_plain(cls: type, options: Mapping[str, bool]) -> bool:
    if options.keys() - _PLAIN_OPTIONS or not (options.get("frozen") and options.get("slots")):
        return False
    if any(hasattr(base, "__dataclass_fields__") for base in cls.__bases__):
        return False
    own = cls.__dict__
    for name, annotation in own.get("__annotations__", {}).items():
        default = own.get(name)
        is_odd = isinstance(default, Field) and not (
            default.init and default.hash is None and default.kw_only is MISSING
        )
        if is_odd or not isinstance(annotation, str) or annotation.startswith(_SPECIAL):
            return False
        if default is not None and not isinstance(default, Field) and default.__class__.__hash__ is None:
            return False  # a default that could be changed, which the original refuses
    return not any(name in own for name in _WRITTEN if name != "__hash__") and own.get("__hash__") is None


def _made(cls: type, options: Mapping[str, bool]) -> type:
    namespace = dict(cls.__dict__)
    names: tuple[str, ...] = tuple(namespace.get("__annotations__", ()))
    defaults = {name: namespace.pop(name) for name in names if name in namespace}
    for name in ("__dict__", "__weakref__", "__hash__"):
        namespace.pop(name, None)
    kw_only = options.get("kw_only", False)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        made.__init__ = _constructor(made, names, defaults, kw_only)  # type: ignore[misc]
        made.__init__(self, *args, **kwargs)  # type: ignore[misc]

    original = _Original(cls, {**options, "slots": False})
    namespace |= {
        "__slots__": names,
        "__match_args__": () if kw_only else names,
        "__dataclass_fields__": _Attribute(original, "__dataclass_fields__"),
        "__dataclass_params__": _Attribute(original, "__dataclass_params__"),
        "__signature__": _Attribute(original, "__signature__"),
        "__init__": __init__,
        "__repr__": _repr_of([name for name in names if _counts(defaults.get(name), "repr")]),
        "__setattr__": _refuse_to_assign,
        "__delattr__": _refuse_to_delete,
        "__getstate__": lambda self: [getattr(self, name) for name in names],
        "__setstate__": _set_state(names),
        "__replace__": _replace_of(names),
    }
    if options.get("eq", True):
        values = _values_of([name for name in names if _counts(defaults.get(name), "compare")])
        namespace |= {"__eq__": _equal_by(values), "__hash__": lambda self: hash(values(self))}
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def _counts(default: object, what: str) -> bool:
    return not isinstance(default, Field) or bool(getattr(default, what))


def _constructor(made: type, names: tuple[str, ...], defaults: Mapping[str, Any], kw_only: bool) -> Any:
    """`__init__`, which sets the slots themselves: the class refuses assignments."""
    known: dict[str, Any] = {"MISSING": MISSING}
    parameters, lines = ["self", *(["*"] if kw_only and names else [])], []
    for name in names:
        known[f"set_{name}"] = made.__dict__[name].__set__
        default = defaults.get(name, MISSING)
        value, given = name, name
        if isinstance(default, Field):
            if default.default_factory is not MISSING:
                known[f"new_{name}"] = default.default_factory
                value, given = f"new_{name}() if {name} is MISSING else {name}", f"{name}=MISSING"
            default = default.default
        if default is not MISSING:
            known[f"default_{name}"] = default
            given = f"{name}=default_{name}"
        parameters.append(given)
        lines.append(f" set_{name}(self, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass"), known)
    constructor = known["__init__"]
    constructor.__qualname__ = f"{made.__qualname__}.__init__"
    return constructor


class _Original:
    """The class as the original makes it, for what is hardly ever asked; made when it is."""

    def __init__(self, cls: type, options: Mapping[str, bool]) -> None:
        self._cls, self._options, self._is_made = cls, options, False

    def attribute(self, name: str) -> Any:
        if not self._is_made:
            dataclasses.dataclass(**self._options)(self._cls)
            self._is_made = True
        return signature(self._cls) if name == "__signature__" else self._cls.__dict__[name]


class _Attribute:
    """An attribute of a class, and of its objects, taken of the original."""

    def __init__(self, original: _Original, name: str) -> None:
        self._original, self._name = original, name

    def __get__(self, instance: object, owner: type) -> Any:
        return self._original.attribute(self._name)


def _values_of(names: list[str]) -> Callable[[object], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple([getattr(self, name) for name in names])


def _equal_by(values: Callable[[object], tuple[Any, ...]]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _repr_of(names: list[str]) -> Callable[[object], str]:
    @recursive_repr()
    def __repr__(self: object) -> str:  # noqa: N807
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _refuse_to_assign(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _replace_of(names: tuple[str, ...]) -> Callable[..., object]:
    def __replace__(self: object, /, **changes: object) -> object:  # noqa: N807
        return self.__class__(**{name: getattr(self, name) for name in names} | changes)

    return __replace__


def _set_state(names: tuple[str, ...]) -> Callable[[object, list[Any]], None]:
    def __setstate__(self: object, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return __setstate__
