"""Whether what is installed has what it requires.

Source: https://pip.pypa.io/en/stable/cli/pip_check/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core.requirements import MarkerAnswers, Requirement
from dxpy_async.core.specifiers import allows
from dxpy_async.installer.inventory import Inventory, InventoryItem


class BrokenRequirement(NamedTuple):
    """A requirement of an installed distribution that is not met; `there` is what is installed instead, if anything.

    As a text it is pip's sentence.
    """

    item: InventoryItem
    requirement: Requirement
    there: InventoryItem | None

    def __str__(self) -> str:
        who = f"{self.item.name} {self.item.version}"
        if self.there is None:
            return f"{who} requires {self.requirement.name}, which is not installed."
        wanted = f"{self.requirement.name}{self.requirement.specifier}"
        return f"{who} has requirement {wanted}, but you have {self.there.name} {self.there.version}."


def broken_requirements(inventory: Inventory, markers: Mapping[str, str]) -> Iterator[BrokenRequirement]:
    """What requires something that is not there, or not in a version that fits; requirements of extras do not count."""
    answers = MarkerAnswers(markers)
    for item in inventory.values():
        for requirement in item.requirements:
            there = inventory.get(requirement.name)
            if answers.apply(requirement, "") and (there is None or not _fits(there.version, requirement.specifier)):
                yield BrokenRequirement(item, requirement, there)


def _fits(version: str, specifier: str) -> bool:
    try:
        return not specifier or allows(specifier, Version(version))
    except InvalidVersion:
        return False
