"""Whether what is asked for is installed already, with all that it requires: known without asking an index."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import MarkerAnswers, Requirement
from dxpy_async.core.specifiers import allows
from dxpy_async.installer.inventory import Inventory, InventoryItem


def satisfied_by(
    inventory: Inventory,
    requirements: tuple[Requirement, ...],
    amendments: Amendments,
    markers: Mapping[str, str],
    *,
    dependencies: bool = True,
) -> tuple[InventoryItem, ...] | None:
    """What of the installed `requirements` ask for by name, if all that they need is there; None if anything is not.

    A direct reference is never satisfied: whether what it leads to has changed, a resolution must find out.
    """
    answers = MarkerAnswers(markers)
    limits: dict[ProjectName, list[str]] = {}
    for statement in amendments.constraints:
        if statement.requirement.url is not None:
            return None
        if answers.apply(statement.requirement, ""):
            limits.setdefault(statement.requirement.name, []).append(statement.requirement.specifier)
    waiting = [each for each in requirements if answers.apply(each, "")]
    asked = dict.fromkeys(each.name for each in waiting)
    seen: set[tuple[ProjectName, str]] = set()
    while waiting:
        requirement = waiting.pop()
        item = inventory.get(requirement.name)
        if item is None or not _satisfies(item, requirement, limits.get(requirement.name, [])):
            return None
        for extra in ("", *requirement.extras):
            if (item.project, extra) in seen or not dependencies:
                continue
            seen.add((item.project, extra))
            waiting += [each for each in amendments.amend(item.requirements) if answers.apply(each, extra)]
    return tuple(inventory[name] for name in asked)


def _satisfies(item: InventoryItem, requirement: Requirement, limits: list[str]) -> bool:
    if item.distribution.problem is not None or requirement.url is not None:
        return False
    try:
        version = Version(item.version)
    except InvalidVersion:
        return False
    return all(allows(specifier, version) for specifier in (requirement.specifier, *limits) if specifier)
