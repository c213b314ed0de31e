"""Building over real processes with a backend that is part of the tree: what is built, kept, refused and said."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from trees import BUILD_SYSTEM, PREPARES, fetched_tree, local_tree, write_files, write_sdist, write_tree
from wheels import build_wheel

from dxpy_async import Engine, IndexSettings, NetworkSettings, Settings
from dxpy_async.builds.backends import SDIST, WHEEL
from dxpy_async.core.amendments import Statement
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.engine.build_environments import READY
from dxpy_async.engine.building import Builder
from dxpy_async.engine.events import Building, Built, Event, Warned, ignore
from dxpy_async.errors import (
    BuildCycle,
    BuildFailed,
    BuildRefused,
    DxpyError,
    InvalidMetadata,
    InvalidSource,
    NoSolution,
)
from dxpy_async.python.environments import create_environment
from dxpy_async.python.interpreters import Interpreter, probe
from dxpy_async.store.upkeep import Upkeep


class Site:
    """A cache, a directory of wheels, and engines over both."""

    def __init__(self, root: Path) -> None:
        self.root, self.wheels = root, root / "wheels"
        self.wheels.mkdir()
        self.events: list[Event] = []
        self.cache = root / "cache"
        self.interpreter: Interpreter = probe(Path(sys.executable), cache_dir=self.cache)

    def settings(self, **builds: Any) -> Settings:
        return Settings(
            cache_dir=self.cache,
            indexes=IndexSettings(find_links=(str(self.wheels),)),
            network=NetworkSettings(offline=True),
            compile_bytecode=False,
            builds=BuildSettings(**builds),
        )

    @asynccontextmanager
    async def builder(self, settings: Settings | None = None) -> AsyncIterator[Builder]:
        async with Engine(settings or self.settings()) as engine:
            yield engine.builder(self.interpreter)

    async def wheel(self, tree: SourceTree, *, editable: bool = False, **builds: Any) -> str:
        """Build with an engine of its own; the wheel's file name."""
        async with self.builder(self.settings(**builds)) as builder:
            stored = await builder.wheel(tree, editable=editable, on_event=self.events.append)
            return stored.manifest.filename

    @property
    def builds(self) -> int:
        """How many builds there were."""
        return sum(isinstance(event, Built) for event in self.events)

    def leftovers(self) -> list[str]:
        """What builds left behind among the work in progress."""
        staging = self.cache / "tmp-v1"
        return [path.name for path in staging.iterdir() if path.name != "publish.lock"] if staging.exists() else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# --- building ---------------------------------------------------------------------------------------------------------


async def test_a_tree_is_built_in_place_once(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"))
    assert await site.wheel(tree) == "tree-1.0-py3-none-any.whl"
    assert [type(event) for event in site.events] == [Building, Built]
    assert await site.wheel(tree) == "tree-1.0-py3-none-any.whl"
    assert site.builds == 1
    assert sorted(os.listdir(tree.root)) == ["backend.py", "pyproject.toml"]
    assert site.leftovers() == []


async def test_a_tree_that_has_changed_is_built_again(site: Site) -> None:
    root = write_tree(site.root / "tree")
    await site.wheel(local_tree(root))
    with open(root / "backend.py", "a") as file:
        file.write('VERSION = "1.1"\n')
    assert await site.wheel(local_tree(root)) == "tree-1.1-py3-none-any.whl"


async def test_what_was_fetched_is_built_in_a_copy(site: Site) -> None:
    root = write_tree(site.root / "tree", 'open("made", "w").close(); os.makedirs("build", exist_ok=True)')
    before = sorted(path.name for path in root.iterdir())
    await site.wheel(fetched_tree(root, "1"))
    assert sorted(path.name for path in root.iterdir()) == before
    assert site.leftovers() == []


async def test_a_subdirectory_is_built_with_what_is_around_it(site: Site) -> None:
    top = write_files(site.root / "repository", {"version.txt": "3.0"})
    root = write_tree(top / "packages" / "tree", 'VERSION = open("../../version.txt").read()')
    tree = SourceTree(root=root, top=top, label="tree", identity="1")
    assert await site.wheel(tree) == "tree-3.0-py3-none-any.whl"


async def test_a_disposable_tree_is_built_as_it_is(site: Site) -> None:
    root = write_tree(site.root / "tree", 'open("made", "w").close()')
    await site.wheel(SourceTree(root=root, label="tree", identity="1", is_disposable=True))
    assert (root / "made").exists()


async def test_an_editable_wheel_leads_to_its_directory(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"))
    async with site.builder() as builder:
        stored = await builder.wheel(tree, editable=True, on_event=ignore)
        assert (stored.directory / "tree.pth").read_text() == f"{tree.root}\n"
        assert builder.built(tree) is None
        assert builder.built(tree, editable=True) == stored
        other = replace(tree, root=write_tree(site.root / "other"))  # alike, and elsewhere
        assert builder.built(other, editable=True) is None


async def test_what_was_built_is_found_without_the_tree(site: Site) -> None:
    tree = fetched_tree(write_tree(site.root / "tree"), "1")
    await site.wheel(tree)
    async with site.builder() as builder:
        assert builder.built(fetched_tree(site.root / "nowhere", "1")) is not None
        assert builder.built(fetched_tree(site.root / "nowhere", "2")) is None


async def test_many_who_want_the_same_wait_for_one_build(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"))
    async with site.builder() as builder, site.builder() as another, asyncio.TaskGroup() as tasks:
        for each in (builder, builder, another):
            tasks.create_task(each.wheel(tree, on_event=site.events.append))
    assert (site.root / "cache" / "packages-v1").exists()
    assert site.leftovers() == []


async def test_what_is_built_is_built_anew_when_it_is_refreshed(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"), name="tree")
    await site.wheel(tree)
    refreshing = replace(site.settings(), network=NetworkSettings(offline=True, refresh=True))
    async with site.builder(refreshing) as builder:
        await builder.wheel(tree, on_event=site.events.append)
        await builder.wheel(tree, on_event=site.events.append)
    assert site.builds == 2


async def test_settings_are_handed_to_the_backend_and_make_another_wheel(site: Site) -> None:
    code = """
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            return write_wheel(directory, {"seen.txt": repr(sorted(config_settings.items()))})
    """
    tree = local_tree(write_tree(site.root / "tree", code), name="tree")
    settings = site.settings(
        config={"a": ("1",), "b": ("1", "2")}, config_of={ProjectName("tree"): {"b": ("3",)}, ProjectName("x"): {}}
    )
    await site.wheel(tree)
    async with site.builder(settings) as builder:
        assert builder.built(tree) is None
        stored = await builder.wheel(tree, on_event=ignore)
        assert (stored.directory / "seen.txt").read_text() == "[('a', '1'), ('b', ['1', '2', '3'])]"


async def test_a_backend_sees_nothing_of_where_dxpy_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import json
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            seen = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "VIRTUAL"))}
            return write_wheel(directory, {"seen.json": json.dumps([seen, sys.prefix, os.environ["PATH"], sys.path])})
    """
    monkeypatch.setenv("PYTHONPATH", "/wrong")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("VIRTUAL_ENV", "/wrong")
    async with site.builder() as builder:
        stored = await builder.wheel(local_tree(write_tree(site.root / "tree", code)), on_event=ignore)
    text = (stored.directory / "seen.json").read_text()
    assert "/wrong" not in text
    variables, prefix, path, _ = json.loads(text)
    assert variables == {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "7",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": prefix,
    }
    assert prefix.startswith(f"{site.cache}/build-environments-v1/")
    assert path.startswith(f"{prefix}/bin:")


async def test_distributions_are_built_as_files(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"))
    async with site.builder() as builder:
        made = [
            await builder.distribution(tree, kind, site.root / "dist", on_event=ignore)
            for kind in (SDIST, WHEEL, WHEEL)
        ]
    assert [path.name for path in made] == ["tree-1.0.tar.gz", "tree-1.0-py3-none-any.whl", "tree-1.0-py3-none-any.whl"]
    assert sorted(os.listdir(site.root / "dist")) == ["tree-1.0-py3-none-any.whl", "tree-1.0.tar.gz"]


# --- metadata ---------------------------------------------------------------------------------------------------------

PROJECT = '[project]\nname = "tree"\nversion = "1.0"\ndependencies = ["a>=1"]\n'


async def test_static_metadata_are_read_and_nothing_is_run(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", "sys.exit(9)", pyproject=BUILD_SYSTEM + PROJECT))
    async with site.builder(site.settings(no_build=True)) as builder:
        found = await builder.metadata(tree, on_event=site.events.append)
    assert (found.name, found.version, [str(each) for each in found.requirements]) == ("tree", Version("1.0"), ["a>=1"])
    assert site.events == []


async def test_pkg_info_counts_for_sdists_alone(site: Site) -> None:
    root = write_tree(site.root / "tree", 'VERSION = "2.0"')
    (root / "PKG-INFO").write_text("Metadata-Version: 2.2\nName: tree\nVersion: 1.0\n")
    async with site.builder() as builder:
        assert (await builder.metadata(fetched_tree(root, "1"), on_event=ignore)).version == Version("1.0")
        assert (await builder.metadata(local_tree(root), on_event=ignore)).version == Version("2.0")


async def test_metadata_are_prepared_where_the_backend_can_and_kept(site: Site) -> None:
    code = PREPARES + 'REQUIRES = ["a>=1"]\ndef build_wheel(*_): raise SystemExit(9)'
    tree = local_tree(write_tree(site.root / "tree", code))
    for _ in range(2):
        async with site.builder() as builder:
            found = await builder.metadata(tree, on_event=site.events.append)
            assert [str(each) for each in found.requirements] == ["a>=1"]
    assert site.builds == 1


async def test_metadata_of_others_are_those_of_the_wheel_which_is_kept(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", 'REQUIRES = ["a>=1"]'))
    async with site.builder() as builder:
        found = await builder.metadata(tree, on_event=site.events.append)
        assert [str(each) for each in found.requirements] == ["a>=1"]
        assert builder.built(tree) is not None
        assert await builder.metadata(tree, on_event=site.events.append) == found
    assert site.builds == 1


async def test_a_pure_wheel_of_static_metadata_serves_all_interpreters(site: Site) -> None:
    static = local_tree(write_tree(site.root / "static", pyproject=BUILD_SYSTEM + PROJECT))
    dynamic = local_tree(write_tree(site.root / "dynamic", name="dynamic"))
    await site.wheel(static)
    await site.wheel(dynamic)
    markers = {**site.interpreter.target.markers, "python_version": "3.99", "python_full_version": "3.99.0"}
    target = replace(site.interpreter.target, markers=markers)
    async with Engine(site.settings()) as engine:
        builder = engine.builder(replace(site.interpreter, target=target))
        assert builder.built(static) is not None
        assert builder.built(dynamic) is None


# --- environments -----------------------------------------------------------------------------------------------------


def requiring(*requirements: str) -> str:
    return BUILD_SYSTEM.replace("[]", str(list(requirements)))


USES_TOOL = """
    def build_wheel(directory, config_settings=None, metadata_directory=None):
        import tool
        return write_wheel(directory, {"seen.txt": tool.VERSION})
"""


def make_tool(site: Site, *versions: str, **more: Any) -> None:
    for version in versions:
        build_wheel(site.wheels, "tool", version, files={"tool.py": f"VERSION = {version!r}\n"}, **more)


async def test_a_build_has_what_it_requires_and_nothing_else(site: Site) -> None:
    make_tool(site, "1.0", "2.0", requires=["part"])
    build_wheel(site.wheels, "part", "1.0")
    code = """
        import importlib.metadata
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            names = sorted(each.metadata["Name"] + each.version for each in importlib.metadata.distributions())
            return write_wheel(directory, {"seen.txt": " ".join(names)})
    """
    tree = local_tree(write_tree(site.root / "tree", code, pyproject=requiring("tool<2")))
    async with site.builder() as builder:
        stored = await builder.wheel(tree, on_event=ignore)
    assert (stored.directory / "seen.txt").read_text() == "part1.0 tool1.0"


async def test_trees_that_require_the_same_share_an_environment(site: Site) -> None:
    make_tool(site, "1.0")
    for name in ("one", "two"):
        await site.wheel(local_tree(write_tree(site.root / name, name=name, pyproject=requiring("tool"))))
    assert len(os.listdir(site.cache / "build-environments-v1")) == 1


async def test_what_a_backend_requires_beyond_that_is_there_when_it_builds(site: Site) -> None:
    make_tool(site, "1.0")
    code = USES_TOOL + "\n    def get_requires_for_build_wheel(config_settings=None):\n        return ['tool']\n"
    tree = local_tree(write_tree(site.root / "tree", code))
    async with site.builder() as builder:
        stored = await builder.wheel(tree, on_event=ignore)
    assert (stored.directory / "seen.txt").read_text() == "1.0"


async def test_constraints_and_extra_requirements_hold_for_builds(site: Site) -> None:
    make_tool(site, "1.0", "2.0")
    tree = local_tree(write_tree(site.root / "tree", USES_TOOL), name="tree")
    settings = site.settings(
        extra_requires={ProjectName("tree"): (parse_requirement("tool"),)},
        constraints=(Statement(parse_requirement("tool<2"), "here"),),
    )
    async with site.builder(settings) as builder:
        stored = await builder.wheel(tree, on_event=ignore)
    assert (stored.directory / "seen.txt").read_text() == "1.0"


async def test_build_requirements_that_cannot_be_had_are_those_of_the_build(site: Site) -> None:
    make_tool(site, "1.0")
    tree = local_tree(write_tree(site.root / "tree", pyproject=requiring("tool>=2")), label="tree 1.0")
    with pytest.raises(NoSolution, match=r"require tool>=2.*, what building `tree 1\.0` requires cannot be resolved"):
        await site.wheel(tree)
    assert site.leftovers() == []


async def test_a_damaged_environment_is_made_anew(site: Site) -> None:
    make_tool(site, "1.0")
    root = write_tree(site.root / "tree", USES_TOOL, pyproject=requiring("tool"))
    await site.wheel(local_tree(root))
    (environment,) = (site.cache / "build-environments-v1").iterdir()
    (link,) = environment.glob("lib/python*/site-packages/tool.py")
    link.unlink()
    link.symlink_to("nowhere")
    write_files(root, {"more": ""})
    await site.wheel(local_tree(root))
    assert link.exists()


async def test_a_build_that_writes_into_its_environment_spoils_it_for_others(site: Site) -> None:
    code = """
        import sysconfig
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            open(sysconfig.get_path("purelib") + "/left.py", "w").close()
            return write_wheel(directory, FILES)
    """
    await site.wheel(local_tree(write_tree(site.root / "tree", code)))
    warned = [event.message for event in site.events if isinstance(event, Warned)]
    assert warned == ["building `tree` wrote into its build environment, which is made anew next time"]
    (environment,) = (site.cache / "build-environments-v1").iterdir()
    assert not (environment / READY).exists()
    await site.wheel(local_tree(write_tree(site.root / "other", name="other")))
    assert not list(environment.glob("lib/python*/site-packages/left.py"))


async def test_without_isolation_a_build_runs_in_the_environment_that_is_given(site: Site) -> None:
    code = """
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            return write_wheel(directory, {"seen.txt": sys.prefix})
    """
    tree = local_tree(write_tree(site.root / "tree", code, pyproject=requiring("not-there")), name="tree")
    environment = create_environment(site.root / "env", site.interpreter)
    for settings in (site.settings(isolated=False), site.settings(not_isolated_projects=frozenset({"tree"}))):
        async with Engine(settings) as engine:
            builder = engine.builder(site.interpreter, environment=environment)
            stored = await builder.wheel(tree, on_event=ignore)
        assert (stored.directory / "seen.txt").read_text() == str(environment.root)


# --- build requirements that have to be built -------------------------------------------------------------------------


async def test_a_build_requirement_that_has_no_wheel_is_built_first(site: Site) -> None:
    write_sdist(site.wheels, "tool", 'FILES = {"tool.py": "VERSION = 1\\n"}', pyproject=requiring("part"))
    write_sdist(site.wheels, "part")
    code = """
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            import tool
            return write_wheel(directory, {"seen.txt": str(tool.VERSION)})
    """
    tree = local_tree(write_tree(site.root / "tree", code, pyproject=requiring("tool")))
    async with site.builder() as builder:
        stored = await builder.wheel(tree, on_event=site.events.append)
    assert (stored.directory / "seen.txt").read_text() == "1"
    built = [event.label.replace("-", " ").split()[0] for event in site.events if isinstance(event, Built)]
    assert (built[0], built[-1]) == ("part", "tree")
    assert set(built) == {"part", "tool", "tree"}
    assert site.leftovers() == []


async def test_projects_that_need_each_other_to_be_built_are_told_as_such(site: Site) -> None:
    write_sdist(site.wheels, "one", pyproject=requiring("two"))
    write_sdist(site.wheels, "two", pyproject=requiring("one"))
    write_sdist(site.wheels, "self", pyproject=requiring("self"))
    tree = local_tree(write_tree(site.root / "tree", pyproject=requiring("one")))
    async with asyncio.timeout(30):
        error = await failure(site, tree)
    assert isinstance(error, BuildCycle)
    assert (
        str(error)
        == "building `one-1.0.tar.gz` needs it to be built first: one-1.0.tar.gz → two-1.0.tar.gz → one-1.0.tar.gz"
    )
    alone = await failure(site, local_tree(write_tree(site.root / "alone", pyproject=requiring("self"))))
    assert isinstance(alone, BuildCycle)


async def test_a_circle_is_found_when_two_begin_it_at_its_ends(site: Site) -> None:
    write_sdist(site.wheels, "one", pyproject=requiring("two"))
    write_sdist(site.wheels, "two", pyproject=requiring("one"))
    trees = [local_tree(write_tree(site.root / f"of-{name}", pyproject=requiring(name))) for name in ("one", "two")]
    async with asyncio.timeout(30), site.builder() as builder:
        found = await asyncio.gather(*(builder.wheel(tree, on_event=ignore) for tree in trees), return_exceptions=True)
    assert [type(each) for each in found] == [BuildCycle, BuildCycle]


# --- what is refused --------------------------------------------------------------------------------------------------


async def failure(site: Site, tree: SourceTree, *, editable: bool = False, **builds: Any) -> DxpyError:
    with pytest.raises(DxpyError) as caught:
        await site.wheel(tree, editable=editable, **builds)
    assert site.leftovers() == []
    async with site.builder() as builder:
        assert builder.built(tree, editable=editable) is None
    return caught.value


async def test_building_can_be_forbidden_but_not_for_what_is_worked_on(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree"), label="tree 1.0", name="tree")
    for settings, name in (({"no_build": True}, "no-build"), ({"no_build_projects": {"tree"}}, "no-build-package")):
        error = await failure(site, tree, **settings)
        assert isinstance(error, BuildRefused)
        assert str(error) == f"`tree 1.0` would have to be built, which `{name}` does not allow"
    assert await site.wheel(tree, editable=True, no_build=True)
    await site.wheel(tree)
    assert await site.wheel(tree, no_build=True) == "tree-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README": ""}, "`it` cannot be built: it has neither a pyproject.toml nor a setup.py"),
        ({"pyproject.toml": "[build-system]"}, "`it` cannot be built: its [build-system] table has no `requires`"),
        ({"pyproject.toml": "["}, "`it` cannot be built: its pyproject.toml is not valid TOML: Invalid "),
    ],
)
async def test_a_tree_that_does_not_say_how_it_is_built_is_refused(
    site: Site, files: dict[str, str], message: str
) -> None:
    error = await failure(site, local_tree(write_files(site.root / "it", files)))
    assert isinstance(error, InvalidSource)
    assert str(error).startswith(message)


async def test_a_tree_with_projects_below_it_names_them(site: Site) -> None:
    root = write_files(site.root / "it", {"one/pyproject.toml": "", "two/pyproject.toml": ""})
    error = await failure(site, local_tree(root))
    assert error.hints()[0] == "name one of its subdirectories: `one`, `two`"


async def test_a_directory_that_is_gone_is_refused(site: Site) -> None:
    tree = SourceTree(root=site.root / "gone", label="it", identity="1", is_local=True)
    assert str(await failure(site, tree)) == f"`it` cannot be built: there is no directory `{site.root}/gone`"


BAD = {
    "raises": ('raise ValueError("no luck")', "`build_wheel` of `backend` ended with exit code 1"),
    "exits": ("os._exit(7)", "`build_wheel` of `backend` ended with exit code 7"),
    "leaves without a word": ("os._exit(0)", "`build_wheel` of `backend` ended without an answer: "),
    "is killed": ("os.kill(os.getpid(), 9)", "`build_wheel` of `backend` was killed by SIGKILL"),
    "gives nothing": ("return None", "`build_wheel` gave nothing, not a name"),
    "gives a number": ("return 1", "`build_wheel` gave a int, not a name"),
    "promises": (
        'return "tree-1.0-py3-none-any.whl"',
        "`build_wheel` promised `tree-1.0-py3-none-any.whl`, but made no",
    ),
    "leads elsewhere": (
        'return "../" + write_wheel("..", FILES)',
        "`build_wheel` gave a path outside of the directory that it was given: '../tree-1.0-py3-none-any.whl'",
    ),
    "gives a path": (
        "return os.path.join(directory, write_wheel(directory, FILES))",
        "`build_wheel` gave a path outside of the directory that it was given: '/",
    ),
    "links": (
        'os.symlink("/etc/passwd", directory + "/tree-1.0-py3-none-any.whl"); return "tree-1.0-py3-none-any.whl"',
        "`build_wheel` promised `tree-1.0-py3-none-any.whl`, but made no such file",
    ),
    "gives no wheel": (
        'open(directory + "/a.zip", "w"); return "a.zip"',
        "`build_wheel` gave 'a.zip', which does not end",
    ),
    "gives an odd name": (
        'open(directory + "/a.whl", "w"); return "a.whl"',
        "its backend made a wheel with an invalid name",
    ),
    "is for others": (
        "global TAG; TAG = 'cp27-none-any'; return write_wheel(directory, FILES)",
        "which is not for CPython",
    ),
    "is of another project": (
        "return write_wheel(directory, FILES, name='other')",
        "a wheel that is not one: `other-1.0-py3-none-any.whl` has METADATA of another project: 'tree'",
    ),
    "is empty": (
        'open(directory + "/tree-1.0-py3-none-any.whl", "w"); return "tree-1.0-py3-none-any.whl"',
        "its backend made a wheel that is not one: `tree-1.0-py3-none-any.whl` is not a ZIP archive",
    ),
    "escapes": (
        "return write_wheel(directory, {'../evil.py': ''})",
        "its backend made a wheel that is not one: ",
    ),
    "litters": (
        "open(directory + '/../left', 'w'); return write_wheel(directory, FILES)",
        "its backend wrote `left` outside of the directories that it was given",
    ),
}


@pytest.mark.parametrize("fault", BAD)
async def test_a_backend_that_does_not_do_what_it_should(site: Site, fault: str) -> None:
    body, message = BAD[fault]
    code = f"\n    def build_wheel(directory, config_settings=None, metadata_directory=None):\n        {body}\n"
    error = await failure(site, local_tree(write_tree(site.root / "tree", code), label="tree 1.0"))
    assert isinstance(error, BuildFailed)
    assert str(error).startswith(f"building `tree 1.0` failed: {message}") or message in str(error)
    assert error.exit_code == 2


async def test_what_a_backend_wrote_before_it_failed_is_shown(site: Site) -> None:
    code = """
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            print("compiling")
            print("x.c:1: fatal error: Python.h: No such file or directory", file=sys.stderr)
            sys.exit(1)
    """
    error = await failure(site, local_tree(write_tree(site.root / "tree", code)))
    assert str(error) == (
        "building `tree` failed: `build_wheel` of `backend` ended with exit code 1\n\n"
        "    compiling\n    x.c:1: fatal error: Python.h: No such file or directory"
    )
    assert error.hints() == ("Python's header files may be missing: install `python3-dev` (`python3-devel` on Fedora)",)


async def test_a_backend_that_is_killed_may_have_used_all_memory(site: Site) -> None:
    code = "\n    def build_wheel(*_):\n        os.kill(os.getpid(), 9)\n"
    error = await failure(site, local_tree(write_tree(site.root / "tree", code)))
    assert error.hints() == ("a system that runs out of memory kills programs like this",)


async def test_a_backend_that_hangs_is_stopped(site: Site) -> None:
    code = "\n    def build_wheel(*_):\n        import time\n        print('waiting')\n        time.sleep(60)\n"
    started = time.monotonic()
    error = await failure(site, local_tree(write_tree(site.root / "tree", code)), timeout=1.5)
    assert time.monotonic() - started < 15
    assert str(error) == (
        "building `tree` failed: `build_wheel` of `backend` took longer than 1.5 seconds\n\n    waiting"
    )
    assert error.hints() == ("`--build-timeout` gives it more time",)


async def test_a_build_that_nobody_waits_for_any_more_is_stopped(site: Site) -> None:
    code = """
        def build_wheel(*_):
            import time
            open("started", "w").close()
            time.sleep(60)
    """
    tree = local_tree(write_tree(site.root / "tree", code))
    async with site.builder() as builder:
        task = asyncio.create_task(builder.wheel(tree, on_event=ignore))
        while not (tree.root / "started").exists():
            await asyncio.sleep(0.01)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert time.monotonic() - started < 10
    assert site.leftovers() == []


async def test_a_backend_that_cannot_be_imported(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", pyproject=BUILD_SYSTEM.replace('"backend"', '"missing.thing"')))
    error = await failure(site, tree)
    assert str(error).startswith("building `tree` failed: its backend `missing.thing` cannot be imported\n\n    ")
    assert "missing" in str(error).partition("imported")[2]
    assert error.hints() == ("`build-system.requires` has to name what provides `missing.thing`",)
    tree = local_tree(
        write_tree(site.root / "other", pyproject=requiring("thing").replace('"backend"', '"missing.thing"'))
    )
    error = await failure(site, tree, isolated=False)
    assert error.hints() == ("without build isolation what it requires has to be installed before: `thing`",)


NO_SDIST = """
    del build_editable
    class UnsupportedOperation(Exception): pass
    def build_sdist(directory, config_settings=None):
        raise UnsupportedOperation("not without git")
"""


async def test_a_backend_that_can_only_build_wheels(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", NO_SDIST))
    error = await failure(site, tree, editable=True)
    assert str(error) == "building `tree` failed: its backend `backend` cannot build an editable wheel"
    assert error.hints() == ("install it as it is, without `editable`",)
    async with site.builder() as builder:
        with pytest.raises(BuildFailed, match="its backend `backend` says that it cannot build a source distrib"):
            await builder.distribution(tree, SDIST, site.root / "dist", on_event=ignore)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "`get_requires_for_build_wheel` gave nothing, not a list of requirements"),
        ("[1]", "`get_requires_for_build_wheel` gave a list, not a list of requirements"),
        ("['a b']", "`get_requires_for_build_wheel` gave what is no requirement: "),
        ("{'a': object()}", "`get_requires_for_build_wheel` of `backend` ended with exit code 1"),
    ],
)
async def test_a_backend_that_requires_nonsense(site: Site, answer: str, message: str) -> None:
    code = f"\n    def get_requires_for_build_wheel(config_settings=None):\n        return {answer}\n"
    error = await failure(site, local_tree(write_tree(site.root / "tree", code)))
    assert str(error).startswith(f"building `tree` failed: {message}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 'x'", "`prepare_metadata_for_build_wheel` gave 'x', which does not end in `.dist-info`"),
        ("return '../x.dist-info'", "`prepare_metadata_for_build_wheel` gave a path outside of the directory"),
        ("return 'x.dist-info'", "`prepare_metadata_for_build_wheel` made no METADATA: No such file or directory"),
    ],
)
async def test_a_backend_that_prepares_nonsense(site: Site, body: str, message: str) -> None:
    code = f"\n    def prepare_metadata_for_build_wheel(directory, config_settings=None):\n        {body}\n"
    tree = local_tree(write_tree(site.root / "tree", code))
    async with site.builder() as builder:
        with pytest.raises(BuildFailed) as caught:
            await builder.metadata(tree, on_event=ignore)
    assert str(caught.value).startswith(f"building `tree` failed: {message}")


async def test_a_wheel_of_another_project_than_was_asked_for(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", name="other"), name="tree", label="tree 1.0")
    assert str(await failure(site, tree)) == (
        "building `tree 1.0` failed: what its backend made is of `other`, not of `tree`"
    )


async def test_a_wheel_that_is_not_what_the_source_says(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", 'VERSION = "2.0"', pyproject=BUILD_SYSTEM + PROJECT))
    assert str(await failure(site, tree)) == (
        "building `tree` failed: its backend made a wheel of `tree` 2.0, but the source says that it is `tree` 1.0"
    )


async def test_a_source_that_says_it_is_another_project(site: Site) -> None:
    tree = local_tree(write_tree(site.root / "tree", pyproject=BUILD_SYSTEM + PROJECT), name="other", label="other")
    async with site.builder() as builder:
        with pytest.raises(InvalidMetadata, match="`other` is of `tree`, not of `other`"):
            await builder.metadata(tree, on_event=ignore)


# --- upkeep -----------------------------------------------------------------------------------------------------------


async def test_build_environments_go_with_what_they_link_to_and_protect_nothing(site: Site) -> None:
    make_tool(site, "1.0")
    await site.wheel(local_tree(write_tree(site.root / "tree", pyproject=requiring("tool"))))
    async with Engine(site.settings()) as engine:
        store = engine.builder(site.interpreter)._shop.store
    upkeep = Upkeep(store)
    assert {entry.project for entry in upkeep.entries()} == {"tool", "tree"}
    dry = upkeep.collect(time.time() + 10, unused_for=0, most=None, dry_run=True)
    assert {entry.project for entry in dry.entries} == {"tool", "tree"}
    assert len(os.listdir(site.cache / "build-environments-v1")) == 1
    upkeep.clean([ProjectName("tool")])
    assert os.listdir(site.cache / "build-environments-v1") == []
    upkeep.clean()
    assert not list(site.cache.glob("build*"))


async def test_build_environments_that_nobody_uses_go(site: Site) -> None:
    make_tool(site, "1.0")
    await site.wheel(local_tree(write_tree(site.root / "tree", pyproject=requiring("tool"))))
    (environment,) = (site.cache / "build-environments-v1").iterdir()
    async with Engine(site.settings()) as engine:
        upkeep = Upkeep(engine.builder(site.interpreter)._shop.store)
    upkeep.collect(time.time(), unused_for=1000, most=None)
    assert environment.exists()
    os.utime(environment / READY, (1, 1))
    upkeep.collect(time.time(), unused_for=1000, most=None)
    assert not environment.exists()
