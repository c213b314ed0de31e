"""Bounds that are written for what was added without a version."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from dxpy_async.engine.drafts import Bounds


@pytest.mark.parametrize(
    ("bounds", "version", "specifier"),
    [
        (Bounds.LOWER, "1.2.3", ">=1.2.3"),
        (Bounds.LOWER, "1.2.3+cpu", ">=1.2.3"),
        (Bounds.LOWER, "2.0rc1", ">=2.0rc1"),
        (Bounds.EXACT, "1.2.3+cpu", "==1.2.3+cpu"),
        (Bounds.MAJOR, "1.2.3", "<2.0.0,>=1.2.3"),
        (Bounds.MAJOR, "0.4.1", "<0.5.0,>=0.4.1"),
        (Bounds.MAJOR, "0.0.7", "<0.0.8,>=0.0.7"),
        (Bounds.MAJOR, "26.3", "<27.0.0,>=26.3"),
        (Bounds.MAJOR, "1!2.3", "<1!3.0.0,>=1!2.3"),
        (Bounds.MINOR, "1.2.3", "<1.3.0,>=1.2.3"),
        (Bounds.MINOR, "2026.10.18.1", "<2026.11.0.0,>=2026.10.18.1"),
        (Bounds.NONE, "1.2.3", ""),
    ],
)
def test_bounds_are_around_the_version(bounds: Bounds, version: str, specifier: str) -> None:
    assert bounds.around(Version(version)) == specifier
    assert SpecifierSet(specifier).contains(version, prereleases=True)
