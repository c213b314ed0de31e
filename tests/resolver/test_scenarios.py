"""Every file of `tests/scenarios`: one resolution each, its answer or its explanation compared word for word."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from worlds import flaws, picked, pins, resolve, statements

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.names import normalize
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.upload_limits import UploadLimits, parse_upload_limit
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.options import Prereleases, ResolutionMode, ResolutionOptions
from dxpy_async.resolver.resolution import Resolution

SCENARIOS = sorted(Path(__file__).parents[1].joinpath("scenarios").glob("*.toml"))
NOW = 1_711_974_896.5
"""2024-04-01T12:34:56.5Z, for limits that are ages."""


def outcome(scenario: dict[str, Any]) -> dict[str, Any]:
    """What happens, in the form of a scenario's `expected` table."""
    wishes = scenario.get("options", {})
    options = ResolutionOptions(
        mode=ResolutionMode(wishes.get("resolution", "highest")),
        prereleases=Prereleases(wishes.get("prereleases", "if-necessary-or-explicit")),
        prereleases_of={normalize(name): Prereleases(rule) for name, rule in wishes.get("prereleases-of", {}).items()},
        amendments=Amendments(
            constraints=statements(wishes.get("constraints", ()), "constraints.txt"),
            overrides=statements(wishes.get("overrides", ()), "overrides.txt"),
            exclusions=frozenset(normalize(name) for name in wishes.get("exclusions", ())),
        ),
        builds=BuildSettings(
            no_build=wishes.get("no-build", False),
            no_build_projects=frozenset(normalize(name) for name in wishes.get("no-build-of", ())),
            no_binary=wishes.get("no-binary", False),
            no_binary_projects=frozenset(normalize(name) for name in wishes.get("no-binary-of", ())),
        ),
        cutoffs=UploadLimits(
            general=parse_upload_limit(wishes["exclude-newer"]) if "exclude-newer" in wishes else None,
            projects={
                normalize(name): parse_upload_limit(text) if text else None
                for name, text in wishes.get("exclude-newer-package", {}).items()
            },
        ).cutoffs(NOW),
        preferences={normalize(name): Version(text) for name, text in wishes.get("preferences", {}).items()},
        upgrade=frozenset(normalize(name) for name in wishes.get("upgrade", ())),
        upgrade_all=wishes.get("upgrade-all", False),
    )
    try:
        resolution = resolve(
            scenario["root"],
            scenario["projects"],
            archives=scenario.get("archives"),
            options=options,
            requires_python=scenario.get("requires-python", ""),
        )
    except NoSolution as error:
        hints = {"hints": list(error.hints())} if error.hints() else {}
        return {"unsolvable": str(error), **hints}
    if not {"archives", "options"} & set(scenario):
        assert flaws(scenario["root"], scenario["projects"], picked(resolution)) == []
    return {"pins": pins(resolution), **_warnings(resolution)}


def _warnings(resolution: Resolution) -> dict[str, list[str]]:
    return {"warnings": list(resolution.warnings)} if resolution.warnings else {}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    scenario = tomllib.loads(path.read_text(encoding="utf-8"))
    assert scenario["description"]
    assert outcome(scenario) == scenario["expected"]


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) > 25
