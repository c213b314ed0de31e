"""What a lock says of the settings it was made with, and how it tells that they are others now."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from dxpy_async.core.amendments import Amendments, Statement
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock, LockedPackage, Source, SourceKind
from dxpy_async.core.names import normalize
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode, ResolutionSettings
from dxpy_async.core.settings import IndexSettings, Settings
from dxpy_async.core.upload_limits import UploadLimits, parse_upload_limit
from dxpy_async.engine.locking import lock_settings, pins_to_keep, resolution_options, why_stale
from dxpy_async.project.locked_roots import roots_of
from dxpy_async.project.pyproject import Project

HERE = TargetEnvironment(markers={"python_full_version": "3.11.7", "sys_platform": "linux"}, tags=("py3-none-any",))
A, B = normalize("a"), normalize("b")


def settings_with(resolution: ResolutionSettings) -> Settings:
    return Settings(
        cache_dir=Path("/cache"), indexes=IndexSettings(index_url="https://index.test/simple"), resolution=resolution
    )


def statements(*texts: str) -> tuple[Statement, ...]:
    return tuple(Statement(parse_requirement(text), f"somewhere:{number}") for number, text in enumerate(texts))


def test_the_defaults_leave_nothing_in_a_lock() -> None:
    assert lock_settings(settings_with(ResolutionSettings())) == {"index-url": "https://index.test/simple"}


def test_each_setting_is_one_text_without_places_and_secrets() -> None:
    resolution = ResolutionSettings(
        mode=ResolutionMode.LOWEST,
        prereleases=Prereleases.ALLOW,
        prereleases_of={B: Prereleases.DISALLOW, A: Prereleases.EXPLICIT},
        amendments=Amendments(
            constraints=statements("b<2", "a<2", "b<2"),
            overrides=statements("c @ https://me:secret@host.test/c.whl"),
            exclusions=frozenset((B, A)),
        ),
        upload_limits=UploadLimits(
            general=parse_upload_limit("2 weeks"), projects={B: None, A: parse_upload_limit("2024-01-31")}
        ),
    )
    assert lock_settings(settings_with(resolution)) == {
        "index-url": "https://index.test/simple",
        "resolution": "lowest",
        "prerelease": "allow",
        "prerelease-package": "a=explicit\nb=disallow",
        "constraints": "a<2\nb<2",
        "overrides": "c @ https://host.test/c.whl",
        "exclusions": "a\nb",
        "exclude-newer": "P14D",
        "exclude-newer-package": "a=2024-01-31\nb=false",
    }


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({"constraints": ["a<2"]}, {"constraints": ["a<2", "a<2"]}, None),
        ({"constraints": ["a<2"]}, {"constraints": ["a<3"]}, "`a<3` was added to constraints"),
        ({"constraints": ["a<2"]}, {}, "`a<2` was removed from constraints"),
        ({}, {"overrides": ["a==1"]}, "`a==1` was added to overrides"),
        ({"overrides": ["a==1"]}, {"overrides": ["a==1"]}, None),
    ],
)
def test_a_difference_is_told_as_what_came_or_went(
    was: dict[str, list[str]], now: dict[str, list[str]], told: str | None
) -> None:
    project = Project(root=Path("/p"), name=normalize("p"), dependencies=(parse_requirement("a>=1"),))

    def settings(given: dict[str, list[str]]) -> Settings:
        amendments = Amendments(**{kind: statements(*texts) for kind, texts in given.items()})
        return settings_with(ResolutionSettings(amendments=amendments))

    before = settings(was)
    lock = Lock(roots=roots_of(project, before.resolution.amendments), settings=lock_settings(before))
    assert why_stale(lock, project, HERE, settings(now)) == told


def test_pins_are_kept_unless_others_would_be_picked_by_another_rule() -> None:
    plain = settings_with(ResolutionSettings())
    package = LockedPackage(name=A, version="1", source=Source(SourceKind.INDEX, "https://index.test/simple"))
    lock = Lock(settings=lock_settings(plain), packages=(package,))
    limits = UploadLimits(general=parse_upload_limit("1 day"))
    for resolution, kept in (
        (ResolutionSettings(), True),
        (ResolutionSettings(upload_limits=limits, amendments=Amendments(constraints=statements("a<1"))), True),
        (ResolutionSettings(mode=ResolutionMode.LOWEST), False),
        (ResolutionSettings(prereleases=Prereleases.ALLOW), False),
    ):
        assert pins_to_keep(lock, settings_with(resolution)) == ({A: Version("1")} if kept else {})


def test_an_age_becomes_a_moment_when_something_is_resolved() -> None:
    resolution = ResolutionSettings(upload_limits=UploadLimits(general=parse_upload_limit("1 day")))
    options = resolution_options(settings_with(resolution), now=10 * 86_400 + 5, preferences={})
    cutoff = options.cutoffs.of(A)
    assert cutoff is not None
    assert (cutoff.moment, cutoff.words) == (9 * 86_400 * 10**6, "1970-01-10T00:00:00Z (1 day ago)")
