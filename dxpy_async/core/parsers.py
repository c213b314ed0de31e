"""packaging's parsers of specifiers, markers and requirements, imported when one of them is first used.

They cost 37 ms, a tenth of a warm resolution, in which nearly all texts are so plain that they are understood without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["markers", "requirements", "specifiers"]

if TYPE_CHECKING:
    from packaging import markers, requirements, specifiers
else:

    class _Late:
        """A module that is imported when something of it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            value = getattr(import_module(self._name), attribute)
            setattr(self, attribute, value)
            return value

    markers = _Late("packaging.markers")
    requirements = _Late("packaging.requirements")
    specifiers = _Late("packaging.specifiers")
