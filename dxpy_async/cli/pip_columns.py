"""How `dxpy pip list` and `freeze` look. Imports nothing, because a list may be all that a command has to make."""

from __future__ import annotations

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TITLES = {
    "name": "Package",
    "version": "Version",
    "latest_version": "Latest",
    "latest_filetype": "Type",
    "editable_project_location": "Editable project location",
    "location": "Location",
    "installer": "Installer",
}
_SEEDS = ("pip", "setuptools", "wheel", "distribute")


def columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Rows as pip aligns them, under a title for each column that any of them has."""
    names = [name for name in _TITLES if any(name in row for row in rows)]
    table = [[_TITLES[name] for name in names], *([row.get(name, "") for name in names] for row in rows)]
    if len(table) == 1:
        return []
    widths = [max(len(row[place]) for row in table) for place in range(len(names))]
    table.insert(1, ["-" * width for width in widths])
    return [" ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]


def unfrozen(minor: int) -> tuple[str, ...]:
    """What `freeze` leaves out where nobody asks for all: what came with environments of Python 3.`minor`."""
    return _SEEDS if minor < 12 else _SEEDS[:1]
