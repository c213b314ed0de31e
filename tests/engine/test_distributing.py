"""Distributions for others, built by backends that are part of the trees: what is made, checked and refused."""

from __future__ import annotations

import asyncio
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version
from trees import BUILD_SYSTEM, sdist_of_today, write_files, write_sdist, write_tree

from dxpy_async import BuildOptions, BuiltDistribution, Engine, IndexSettings, NetworkSettings, Settings
from dxpy_async.core.names import normalize
from dxpy_async.core.settings import BuildSettings
from dxpy_async.engine.events import Building, Event, Warned, ignore
from dxpy_async.errors import (
    BuildFailed,
    DxpyError,
    InvalidMetadata,
    InvalidSource,
    InvalidSourceArchive,
    ProjectError,
    UsageError,
)

SDIST, WHEEL = "tree-1.0.tar.gz", "tree-1.0-py3-none-any.whl"
PROJECT = '[project]\nname = "tree"\nversion = "1.0"\n'


class Site:
    """A cache, and a project `tree` in a directory of its own."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.tree, self.dist = root, root / "tree", root / "tree/dist"
        self.events: list[Event] = []
        self.settings = Settings(
            cache_dir=cache,
            python=sys.executable,
            indexes=IndexSettings(index_url=""),
            network=NetworkSettings(offline=True),
        )

    def write(self, code: str = "", *, pyproject: str = BUILD_SYSTEM + PROJECT, version: str = "1.0") -> None:
        write_tree(self.tree, sdist_of_today(version) + code, pyproject=pyproject)

    async def build(self, source: Path | None = None, **options: object) -> tuple[BuiltDistribution, ...]:
        async with Engine(self.settings) as engine:
            asked = BuildOptions(**options)  # type: ignore[arg-type]
            return await engine.build(source or self.tree, options=asked, on_event=self.events.append)

    async def refused(self, kind: type[DxpyError], source: Path | None = None, **options: object) -> str:
        """What is said when it cannot be built; nothing is left then."""
        before = self.made()
        with pytest.raises(kind) as caught:
            await self.build(source, **options)
        assert self.made() == before
        assert [path.name for path in (self.settings.cache_dir / "tmp-v1").glob("*") if path.is_dir()] == []
        return str(caught.value)

    def made(self) -> list[str]:
        return sorted(os.listdir(self.dist)) if self.dist.exists() else []


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What knows the interpreter, and has an environment for builds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def site(tmp_path: Path, cache: Path) -> Site:
    return Site(tmp_path, cache)


# --- what is built ----------------------------------------------------------------------------------------------------


async def test_a_wheel_is_built_from_the_sdist(site: Site) -> None:
    site.write('FILES = {"where.py": "FROM_SDIST = %r" % os.path.exists("PKG-INFO")}')
    sdist, wheel = await site.build()
    assert site.made() == [".gitignore", WHEEL, SDIST]
    assert (site.dist / ".gitignore").read_text() == "*\n"
    assert (sdist.path, wheel.path) == (site.dist / SDIST, site.dist / WHEEL)
    assert (sdist.project, sdist.version, sdist.is_wheel, wheel.is_wheel) == ("tree", Version("1.0"), False, True)
    assert sdist.files == ("tree-1.0/PKG-INFO", "tree-1.0/backend.py", "tree-1.0/pyproject.toml")
    assert wheel.size == (site.dist / WHEEL).stat().st_size
    with zipfile.ZipFile(wheel.path) as archive:
        assert archive.read("where.py") == b"FROM_SDIST = True"
    assert [event.label for event in site.events if isinstance(event, Building)] == ["tree", SDIST]


async def test_of_both_flags_both_are_built_from_the_directory(site: Site) -> None:
    site.write('FILES = {"where.py": "FROM_SDIST = %r" % os.path.exists("PKG-INFO")}')
    await site.build(sdist=True, wheel=True, gitignore=False)
    assert site.made() == [WHEEL, SDIST]
    with zipfile.ZipFile(site.dist / WHEEL) as archive:
        assert archive.read("where.py") == b"FROM_SDIST = False"


@pytest.mark.parametrize(("flag", "name"), [("sdist", SDIST), ("wheel", WHEEL)])
async def test_one_kind_is_built_alone(site: Site, flag: str, name: str) -> None:
    site.write()
    built = await site.build(out_dir=site.root / "elsewhere/below", **{flag: True})
    assert [each.path for each in built] == [site.root / "elsewhere/below" / name]
    assert site.made() == []


async def test_an_sdist_becomes_a_wheel_beside_it(site: Site) -> None:
    site.write()
    await site.build(sdist=True)
    (wheel,) = await site.build(site.dist / SDIST)
    assert wheel.path == site.dist / WHEEL
    assert "nothing but its wheel" in await site.refused(UsageError, site.dist / SDIST, sdist=True)


async def test_clearing_takes_distributions_and_nothing_else(site: Site) -> None:
    site.write()
    olds = ["old-1.tar.gz", "old-1-py3-none-any.whl", "old-1.tar.gz.publish.attestation"]
    write_files(site.dist, dict.fromkeys([*olds, "notes.txt", "data.csv"], ""))
    await site.build(clear=True)
    assert site.made() == [".gitignore", "data.csv", "notes.txt", WHEEL, SDIST]


async def test_a_dry_run_builds_and_keeps_nothing(site: Site) -> None:
    site.write()
    built = await site.build(dry_run=True)
    assert [each.path.name for each in built] == [SDIST, WHEEL]
    assert built[1].files[-1] == "tree.py"
    assert site.made() == []


async def test_a_tree_without_a_project_table_is_built(site: Site) -> None:
    site.write(pyproject=BUILD_SYSTEM)
    assert [each.path.name for each in await site.build()] == [SDIST, WHEEL]


async def test_the_source_date_reaches_the_backend(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")
    site.write('FILES = {"when.py": os.environ["SOURCE_DATE_EPOCH"]}')
    await site.build()
    with zipfile.ZipFile(site.dist / WHEEL) as archive:
        assert archive.read("when.py") == b"1500000000"


@pytest.mark.slow
async def test_what_is_rebuilt_takes_the_place_of_what_was_there(site: Site) -> None:
    site.write()
    await site.build()
    site.write('FILES = {"tree.py": "x = 2"}')
    await site.build()
    with zipfile.ZipFile(site.dist / WHEEL) as archive:
        assert archive.read("tree.py") == b"x = 2"


# --- workspaces -------------------------------------------------------------------------------------------------------


def write_workspace(site: Site) -> None:
    """A root without a project; `alpha` and `beta` are packages, `plain` has no build system."""
    write_files(site.tree, {"pyproject.toml": '[tool.dxpy.workspace]\nmembers = ["packages/*"]\n'})
    for name in ("alpha", "beta"):
        project = f'[project]\nname = "{name}"\nversion = "1.0"\n'
        root = site.tree / "packages" / name
        write_tree(root, sdist_of_today(), pyproject=BUILD_SYSTEM + project, name=name)
    write_files(site.tree / "packages/plain", {"pyproject.toml": '[project]\nname = "plain"\nversion = "1"\n'})


async def test_all_members_that_are_packages_are_built_into_one_directory(site: Site) -> None:
    write_workspace(site)
    await site.build(all_packages=True)
    assert site.made() == [".gitignore", *(f"{name}-1.0{end}" for name in ("alpha", "beta") for end in ENDS)]


ENDS = ("-py3-none-any.whl", ".tar.gz")


async def test_one_member_is_built_by_its_name_or_its_directory(site: Site) -> None:
    write_workspace(site)
    await site.build(packages=(normalize("beta"),), gitignore=False)
    assert site.made() == [f"beta-1.0{end}" for end in ENDS]
    await site.build(site.tree / "packages/alpha", gitignore=False)
    assert site.made() == [f"{name}-1.0{end}" for name in ("alpha", "beta") for end in ENDS]
    assert "`gamma` is not in the workspace" in await site.refused(ProjectError, packages=(normalize("gamma"),))


async def test_when_one_member_fails_no_other_appears(site: Site) -> None:
    write_workspace(site)
    with open(site.tree / "packages/beta/backend.py", "a") as file:
        file.write("\ndef build_sdist(*_): sys.exit(3)\n")
    assert "building `beta` failed" in await site.refused(BuildFailed, all_packages=True)


async def test_a_member_without_a_build_system_is_told_of(site: Site) -> None:
    write_workspace(site)
    await site.refused(DxpyError, packages=(normalize("plain"),))
    assert Warned("`plain` has no [build-system], so it is built by setuptools") in site.events


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_an_sdist_that_lacks_what_the_wheel_needs_is_noticed(site: Site) -> None:
    site.write('open("needed.txt").close()')
    write_files(site.tree, {"needed.txt": ""})
    assert f"building `{SDIST}` failed" in await site.refused(BuildFailed)


async def test_what_a_backend_made_is_looked_into(site: Site) -> None:
    site.write(version="2.0")
    message = await site.refused(BuildFailed)
    assert message == (
        "building `tree` failed: its backend made a source distribution of `tree` 2.0, not of `tree` 1.0"
    )
    site.write("def metadata(): return 'Metadata-Version: 2.1\\nName: other\\nVersion: 1.0\\n'")
    assert "that is not one" in await site.refused(BuildFailed, wheel=True)
    site.write('FILES = {"../escape.py": ""}')
    assert "that is not one" in await site.refused(BuildFailed, wheel=True)


async def test_an_sdist_needs_its_metadata(site: Site) -> None:
    write_tree(site.tree)
    message = await site.refused(BuildFailed, sdist=True)
    assert message.endswith(f"`{SDIST}` has no PKG-INFO in its top directory")
    write_sdist(site.root, "other")  # its PKG-INFO has no version
    with pytest.raises(InvalidMetadata, match="Metadata-Version"):
        await site.build(site.root / "other-1.0.tar.gz")


async def test_the_wheel_is_of_the_version_of_the_sdist(site: Site) -> None:
    site.write('VERSION = "1.0" if not os.path.exists("PKG-INFO") else "1.1"', pyproject=BUILD_SYSTEM)
    message = await site.refused(BuildFailed)
    assert message == f"building `{SDIST}` failed: its backend made a wheel of `tree` 1.1, not of `tree` 1.0"


async def test_what_is_no_source_is_named(site: Site) -> None:
    write_files(site.root, {"notes.txt": "", "empty/readme": "", "bad-1.0.tar.gz": "no archive"})
    notes = site.root / "notes.txt"
    assert "neither a directory nor an sdist" in await site.refused(UsageError, notes)
    assert f"into `{notes}`, which is a file" in await site.refused(UsageError, site.root, out_dir=notes)
    assert "no such file or directory" in await site.refused(InvalidSource, site.root / "absent")
    assert "neither a pyproject.toml nor a setup.py" in await site.refused(InvalidSource, site.root / "empty")
    assert "is neither a gzip" in await site.refused(InvalidSourceArchive, site.root / "bad-1.0.tar.gz")


@pytest.mark.slow
async def test_a_build_that_is_cancelled_leaves_nothing(site: Site) -> None:
    began = site.root / "began"
    site.write(f"import time\ndef build_wheel(*_): open({str(began)!r}, 'w').close(); time.sleep(60)")
    async with Engine(site.settings) as engine:
        task = asyncio.ensure_future(engine.build(site.tree, on_event=ignore))
        while not began.exists():
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert site.made() == []


@pytest.mark.slow
async def test_without_isolation_the_backend_runs_in_the_environment_at_hand(site: Site) -> None:
    site.settings = replace(site.settings, builds=BuildSettings(isolated=False))
    site.write('FILES = {"prefix.py": sys.prefix}')
    await site.build(wheel=True)
    with zipfile.ZipFile(site.dist / WHEEL) as archive:
        assert archive.read("prefix.py").decode() == sys.base_prefix
