"""Tools through the API: installed, upgraded, removed, kept in lists, over a real loopback index."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command import PYTHON
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async import ToolManager
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.engine.events import Event, Finished
from dxpy_async.errors import CommandClash, InterpreterNotFound, InvalidLock, NoSolution, ToolError
from dxpy_async.project.tool_manifests import read_manifest, write_manifest
from dxpy_async.python.interpreters import SearchPlaces


def build_tool(wheels: Path, name: str, version: str, *commands: str, requires: tuple[str, ...] = ()) -> Path:
    module = name.replace("-", "_")
    return build_wheel(
        wheels,
        name,
        version,
        files={f"{module}.py": f"def main():\n    print('{name} {version}')\n"},
        entry_points={"console_scripts": dict.fromkeys(commands, f"{module}:main")},
        requires=requires,
        extras=["more"],
        metadata=["Requires-Dist: grass; extra == 'more'"],
    )


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[LoopbackIndex]:
    """`cow` 1.0 has `cow` and `calf`, 2.0 `cow` and `ox`; `rodeo` has `ox`; `ranch` has none itself and needs `cow`."""
    async with LoopbackIndex() as served:
        wheels = tmp_path / "wheels"
        build_tool(wheels, "cow", "1.0", "cow", "calf", requires=("grass",))
        build_tool(wheels, "cow", "2.0", "cow", "ox", requires=("grass",))
        build_tool(wheels, "rodeo", "1.0", "ox")
        build_tool(wheels, "ranch", "1.0", requires=("cow",))
        build_wheel(wheels, "grass", "1.0")
        build_wheel(wheels, "water", "1.0")
        served.add_directory(wheels)
        yield served


class Place:
    """Directories and variables of a user."""

    def __init__(self, root: Path, index: LoopbackIndex) -> None:
        self.bin, self.tools = root / "bin", root / "tools"
        self.environ = {
            "HOME": str(root),
            "PATH": os.environ["PATH"],
            "DXPY_TOOL_DIR": str(self.tools),
            "DXPY_TOOL_BIN_DIR": str(self.bin),
            "DXPY_CACHE_DIR": str(root / "cache"),
            "DXPY_DEFAULT_INDEX": index.url,
            "DXPY_HTTP_RETRIES": "1",
        }
        self.search = SearchPlaces(managed=str(root / "pythons"), fallback=PYTHON)

    def manager(self, **flags: object) -> ToolManager:
        return ToolManager(flags, environ=self.environ, search=self.search)

    def commands(self) -> list[str]:
        return sorted(os.listdir(self.bin)) if self.bin.exists() else []

    def says(self, command: str) -> str:
        return subprocess.check_output([self.bin / command], text=True).strip()

    def environments(self) -> int:
        place = self.tools / ".environments"
        return len(list(place.iterdir())) if place.exists() else 0


@pytest.fixture
def place(index: LoopbackIndex, tmp_path: Path) -> Place:
    return Place(tmp_path / "home", index)


async def test_a_tool_is_installed_once_with_its_own_commands_alone(place: Place) -> None:
    tools, events = place.manager(), list[Event]()
    first = await tools.install("cow", on_event=events.append)
    assert (first.changed, first.earlier) == (True, None)
    assert first.added == (("cow", "2.0"), ("grass", "1.0"))
    assert isinstance(events[-1], Finished)
    assert (place.commands(), place.says("ox")) == (["cow", "ox"], "cow 2.0")
    again = await tools.install("cow")
    assert (again.changed, again.receipt) == (False, first.receipt)
    (listed,) = await tools.installed()
    assert (listed.receipt, listed.problem) == (first.receipt, None)
    assert place.environments() == 1


async def test_what_is_installed_keeps_its_version_until_an_upgrade(place: Place) -> None:
    tools = place.manager()
    await tools.install("cow<2")
    assert place.commands() == ["calf", "cow"]
    loosened = await tools.install("cow")
    assert (loosened.receipt is not None and loosened.receipt.version, place.commands()) == ("1.0", ["calf", "cow"])
    upgraded = await tools.upgrade("Cow")
    assert upgraded.added == (("cow", "2.0"),)
    assert upgraded.removed == (("cow", "1.0"),)
    assert (place.commands(), place.environments()) == (["cow", "ox"], 1)
    assert not (await tools.upgrade("cow")).changed
    pinned = await tools.install("cow@1.0")
    assert pinned.receipt is not None
    assert str(pinned.receipt.spec.requirement) == "cow==1.0"
    assert not (await tools.upgrade("cow")).changed
    assert (await tools.newest(await tools.installed())) == {"cow": "2.0"}
    assert (await tools.install("cow@latest")).added == (("cow", "2.0"),)


async def test_besides_extras_and_commands_of_others_stay_with_an_upgrade(place: Place) -> None:
    tools = place.manager(index_url=place.environ.pop("DXPY_DEFAULT_INDEX"))
    await tools.install("ranch<9", besides=[parse_requirement("water")], commands_from=["cow"])
    assert place.commands() == ["cow", "ox"]
    upgraded = await place.manager().upgrade("ranch", reinstall=True)  # which knows of the index from the receipt
    assert upgraded.changed
    assert [package.name for package in (place.tools / "ranch").glob("lib/*/site-packages/water*")] != []
    receipt = (place.tools / "ranch" / "dxpy-receipt.toml").read_text()
    assert 'with = ["water"]\nwith-executables-from = ["cow"]\n' in receipt


async def test_a_login_in_a_flag_is_used_and_not_kept(place: Place, index: LoopbackIndex) -> None:
    with_login = place.environ.pop("DXPY_DEFAULT_INDEX").replace("://", "://me:secret@")
    tools = place.manager(index_url=with_login)
    await tools.install("cow")
    assert any("authorization" in request.headers for request in index.requests)
    assert not (await tools.install("cow")).changed
    assert "secret" not in (place.tools / "cow" / "dxpy-receipt.toml").read_text()


async def test_commands_that_others_have_are_left_to_them_unless_forced(place: Place) -> None:
    tools = place.manager()
    await tools.install("rodeo")
    with pytest.raises(CommandClash) as caught:
        await tools.install("cow")
    assert str(caught.value) == f"`cow` was not installed: `ox` (of the tool `rodeo`) is in `{place.bin}` already"
    assert (place.commands(), place.environments()) == (["ox"], 1)
    await tools.install("cow", force=True)
    assert (place.says("ox"), place.says("cow")) == ("cow 2.0", "cow 2.0")
    for reinstall in (False, True):  # what it has lost stays so, and is no reason to fail
        assert (await tools.upgrade("rodeo", reinstall=reinstall)).changed is reinstall
        assert place.says("ox") == "cow 2.0"
    await tools.uninstall(["rodeo"])
    assert place.commands() == ["cow", "ox"]


async def test_a_package_without_commands_is_not_installed(place: Place) -> None:
    tools = place.manager()
    with pytest.raises(ToolError) as caught:
        await tools.install("ranch")
    assert (str(caught.value), caught.value.hints()) == (
        "`ranch` has no commands",
        ("`cow`, which comes with it, has `cow`, `ox`: `dxpy tool install ranch --with-executables-from cow`",),
    )
    with pytest.raises(ToolError, match="`grass`, whose commands are wanted too, has none with `cow`"):
        await tools.install("cow", commands_from=["grass"])
    with pytest.raises(NoSolution):
        await tools.install("cow>3")
    with pytest.raises(ToolError, match="`cow` cannot be editable: it is not a directory"):
        await tools.install("cow", editable=True)
    assert (place.commands(), place.environments(), await tools.installed()) == ([], 0, [])


async def test_a_failed_upgrade_leaves_the_tool_as_it_was(place: Place, index: LoopbackIndex) -> None:
    tools = place.manager()
    await tools.install("cow<2")
    await tools.install("cow")
    index.fault("/files/cow-2.0-py3-none-any.whl", status=404, times=9)
    with pytest.raises(Exception, match=r"cow-2\.0"):
        await tools.upgrade("cow")
    assert (place.says("calf"), place.environments()) == ("cow 1.0", 1)


async def test_a_cancelled_installation_leaves_nothing(place: Place, index: LoopbackIndex) -> None:
    tools = place.manager()
    index.fault("/files/cow-2.0-py3-none-any.whl", delay=30)
    task = asyncio.create_task(tools.install("cow"))
    while not any(request.path.endswith(".whl") for request in index.requests):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (place.commands(), place.environments()) == ([], 0)


async def test_what_a_kill_left_is_removed_by_the_next_change(place: Place) -> None:
    tools = place.manager()
    await tools.install("cow")
    (place.tools / ".environments" / "cow-dead").mkdir()
    (place.bin / "calf").symlink_to(place.tools / "cow" / "bin" / "calf")
    await tools.upgrade("cow")
    assert (place.commands(), place.environments()) == (["cow", "ox"], 1)


async def test_many_are_installed_at_once(place: Place) -> None:
    tools = place.manager()
    async with asyncio.TaskGroup() as tasks:
        for name in ("cow<2", "rodeo", "cow<2"):
            tasks.create_task(tools.install(name))
    assert place.commands() == ["calf", "cow", "ox"]
    assert [tool.name for tool in await tools.installed()] == ["cow", "rodeo"]


async def test_tools_whose_python_is_gone_say_so_and_an_upgrade_gives_them_another(
    place: Place, tmp_path: Path
) -> None:
    tools = place.manager()
    await tools.install("cow")
    python = place.tools / "cow" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    (tool,) = await tools.installed()
    assert tool.problem is not None
    assert f"its interpreter `{tmp_path}/gone` is gone" in tool.problem
    assert not (await tools.environment("cow")).root.is_relative_to(place.tools)
    assert (await tools.upgrade("cow")).changed
    assert place.says("cow") == "cow 2.0"
    with pytest.raises(InterpreterNotFound):
        await tools.upgrade("cow", python="3.1")
    assert place.says("cow") == "cow 2.0"


async def test_a_damaged_receipt_is_told_and_an_installation_repairs_it(place: Place) -> None:
    tools = place.manager()
    await tools.install("cow")
    (place.tools / "cow" / "dxpy-receipt.toml").write_text("x =")
    with pytest.raises(ToolError, match="`cow` was not upgraded: ") as caught:
        await tools.upgrade("cow")
    assert caught.value.hints() == ("install it again: `dxpy tool install --force cow`",)
    with pytest.raises(ToolError, match="`cow` cannot be listed: "):
        await tools.export()
    assert (await tools.install("cow", force=True)).changed
    (place.tools / "cow" / "dxpy.lock").write_bytes(b"nothing")
    with pytest.raises(InvalidLock):
        await tools.upgrade("cow")


async def test_removing_checks_all_names_first(place: Place) -> None:
    tools = place.manager()
    await tools.install("cow")
    with pytest.raises(ToolError) as caught:
        await tools.uninstall(["cow", "cwo"])
    assert (str(caught.value), caught.value.hints()[0]) == ("`cwo` is not installed", "there is `cow`")
    assert place.commands() == ["cow", "ox"]
    (removed,) = await tools.uninstall(all_tools=True)
    assert (removed.name, removed.receipt) == ("cow", None)
    assert (place.commands(), place.environments(), await tools.installed()) == ([], 0, [])


async def test_something_else_in_the_way_stays(place: Place) -> None:
    (place.tools / "cow").mkdir(parents=True)
    with pytest.raises(ToolError, match=r"tools/cow` is in the way: it is no tool of dxpy"):
        await place.manager().install("cow")


async def test_a_list_makes_another_place_the_same(place: Place, index: LoopbackIndex, tmp_path: Path) -> None:
    tools = place.manager()
    await tools.install("cow[more]<2", besides=[parse_requirement("water")])
    await tools.install("rodeo")
    content = write_manifest(await tools.export())
    assert content.decode().partition("[tools]\n")[2] == (
        'cow = { version = "==1.0", extras = ["more"], with = ["water"] }\nrodeo = "==1.0"\n'
    )
    assert b'"<2"' in write_manifest(await tools.export(pinned=False))
    manifest = read_manifest(content, tmp_path / "t.toml")
    assert [outcome.changed for outcome in await tools.sync(manifest)] == [False, False]
    other = Place(tmp_path / "other", index)
    elsewhere = other.manager()
    assert [outcome.changed for outcome in await elsewhere.sync(manifest)] == [True, True]
    assert other.commands() == place.commands()
    pruned = await elsewhere.sync(read_manifest(b'[tools]\ncow = "*"\n', tmp_path / "t.toml"), prune=True)
    assert [(each.name, each.changed, each.receipt is None) for each in pruned] == [
        ("cow", True, False),  # neither extras nor water are asked for any more
        ("rodeo", True, True),
    ]
    assert other.commands() == ["calf", "cow"]


async def test_environments_to_run_in_are_those_of_installed_tools_where_they_fit(place: Place) -> None:
    tools = place.manager()
    await tools.install("cow<2")
    own = (place.tools / "cow").resolve()
    for request in ("cow", "cow@1.0", "cow>=1"):
        assert (await tools.environment(request)).root == own
    others = [
        await tools.environment("cow@2.0"),
        await tools.environment("cow[more]"),
        await tools.environment("cow", besides=[parse_requirement("water")]),
        await tools.environment("cow", isolated=True),
        await tools.environment("cow@latest"),
    ]
    assert all(other.root.is_relative_to(place.environ["DXPY_CACHE_DIR"]) for other in others)
    assert others[3].root == others[4].root


async def test_a_tool_of_a_directory_is_run_by_its_name(place: Place, tmp_path: Path) -> None:
    tools = place.manager()
    (wheel,) = (tmp_path / "wheels").glob("cow-1.0-*.whl")
    await tools.install(str(wheel))
    assert (await tools.environment("cow")).root == (place.tools / "cow").resolve()


async def test_path_is_put_into_the_files_of_the_shell(place: Place) -> None:
    place.environ["SHELL"] = "/bin/zsh"
    tools = place.manager()
    advice = tools.path_advice()
    assert advice is not None
    assert advice.line == 'export PATH="$HOME/bin:$PATH"'
    assert await tools.update_shell() == [Path(place.environ["HOME"], ".zshenv")]
    assert await tools.update_shell() == []
    place.environ["PATH"] += f":{place.bin}"
    assert tools.path_advice() is None
