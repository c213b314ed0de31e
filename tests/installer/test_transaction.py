"""Installing, upgrading and removing real wheels in a real environment."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from environments import World, tree_of

from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import DamagedEntry, FileConflict, InstallError, InvalidWheel
from dxpy_async.formats.record import parse_record
from dxpy_async.installer.installed import read_installed
from dxpy_async.installer.state import read_state, write_state
from dxpy_async.installer.transaction import Arrival
from dxpy_async.store.bytecode import read_bytecode
from dxpy_async.store.store import StoredWheel


@pytest.fixture(params=[LinkMode.HARDLINK, LinkMode.COPY])
def any_world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return World(tmp_path, link_mode=request.param)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def rich_wheel(world: World, version: str = "1.0") -> StoredWheel:
    """A wheel with something for every place."""
    return world.wheel(
        "Some.Thing",
        version,
        files={
            "thing/__init__.py": "def main():\n    print('thing runs')\n",
            "thing/deep/er/data.txt": version,
            "thing/a, b.txt": "a name that RECORD must quote",
            "thing_module.py": f"version = {version!r}\n",
        },
        data={
            "scripts/rewritten": "#!python\nprint('rewritten runs')\n",
            "scripts/as-it-is.sh": "#!/bin/sh\necho as it is\n",
            "data/share/thing/thing.conf": "x",
            "headers/thing.h": "#define X",
            "purelib/thing/more.py": "",
        },
        entry_points={"console_scripts": {"thing": "thing:main"}, "other": {"x": "y"}},
    )


def test_every_part_of_a_wheel_goes_to_its_place(any_world: World) -> None:
    any_world.change(rich_wheel(any_world))
    any_world.assert_sound()
    for path in (
        "lib/python3.12/site-packages/thing/deep/er/data.txt",
        "lib/python3.12/site-packages/thing/more.py",
        "bin/thing",
        "share/thing/thing.conf",
        "include/site/python3.12/some-thing/thing.h",
    ):
        assert (any_world.prefix / path).is_file()
    for script in ("thing", "rewritten", "as-it-is.sh"):
        assert stat.S_IMODE((any_world.scripts / script).stat().st_mode) & 0o111
    assert (any_world.scripts / "rewritten").read_text().startswith(f"#!{any_world.scripts}/python\n")
    assert any_world.versions() == {"some-thing": "1.0"}


def test_scripts_run(world: World) -> None:
    (world.scripts / "python").unlink()
    (world.scripts / "python").symlink_to(sys.executable)
    world.change(rich_wheel(world))
    environment = {"PYTHONPATH": str(world.site), "PATH": os.defpath}
    for script, said in (("thing", "thing runs\n"), ("rewritten", "rewritten runs\n"), ("as-it-is.sh", "as it is\n")):
        run = subprocess.run([str(world.scripts / script)], env=environment, capture_output=True, text=True, check=True)
        assert run.stdout == said


def test_hard_links_share_the_store_and_copies_do_not(any_world: World) -> None:
    stored = rich_wheel(any_world)
    any_world.change(stored)
    installed = any_world.site / "thing/__init__.py"
    same = os.path.samefile(installed, stored.directory / "thing/__init__.py")
    assert same == (any_world.link_mode is LinkMode.HARDLINK)
    if not same:
        assert os.access(installed, os.W_OK)
        assert installed.stat().st_mtime_ns == (stored.directory / "thing/__init__.py").stat().st_mtime_ns
    assert any_world.messages == []


def test_metadata_tells_who_asked_and_where_it_came_from(world: World) -> None:
    with world.transaction() as transaction:
        transaction.stage(rich_wheel(world), requested=True, direct_url='{"url": "file:///x"}', installer="tool")
        transaction.commit()
    found = world.installed("some-thing")
    assert (found.requested, found.direct_url, found.installer) == (True, '{"url": "file:///x"}', "tool")
    rows = {row.path: row for row in parse_record((found.directory / "RECORD").read_bytes(), "RECORD")}
    base = found.directory.name
    for name in ("INSTALLER", "REQUESTED", "direct_url.json", "METADATA", "WHEEL", "entry_points.txt"):
        assert rows[f"{base}/{name}"].algorithm == "sha256"
    assert rows[f"{base}/RECORD"] == (f"{base}/RECORD", "", "", None)
    assert "../../../bin/thing" in rows
    assert rows["../../../share/thing/thing.conf"].size == 1


def test_nothing_is_visible_before_the_commit(world: World) -> None:
    with world.transaction() as transaction:
        transaction.stage(rich_wheel(world))
        assert (world.site / "thing/__init__.py").exists()
        assert read_installed(world.scheme) == {}
        transaction.commit()
        assert world.versions() == {"some-thing": "1.0"}


def test_an_upgrade_leaves_exactly_what_a_fresh_install_has(any_world: World, tmp_path: Path) -> None:
    any_world.change(rich_wheel(any_world))
    new = any_world.wheel("some-thing", "2.0", files={"thing/__init__.py": "new = 2\n", "thing/deep": "a file now"})
    any_world.change(new)
    any_world.assert_sound()
    assert any_world.versions() == {"some-thing": "2.0"}
    fresh = World(tmp_path / "fresh", link_mode=any_world.link_mode)
    fresh.change(new)
    ours, theirs = (set(tree_of(world.prefix)) for world in (any_world, fresh))
    assert ours == theirs


def test_a_directory_where_a_file_was_takes_its_place(world: World) -> None:
    world.change(world.wheel("thing", "1.0", files={"thing/deep": "a file"}))
    world.change(world.wheel("thing", "2.0", files={"thing/deep/er/data.txt": "a directory"}))
    world.assert_sound()
    world.change(world.wheel("thing", "3.0", files={"thing/deep": "a file"}))
    world.assert_sound()


def test_removing_leaves_the_environment_as_before(any_world: World) -> None:
    before = tree_of(any_world.prefix)
    any_world.change(rich_wheel(any_world))
    any_world.change(remove=("some-thing",))
    assert tree_of(any_world.prefix) == before


def test_removing_takes_the_bytecode_along(world: World) -> None:
    before = tree_of(world.prefix)
    world.change(world.wheel("thing", files={"thing/__init__.py": "", "single.py": ""}))
    world.put("lib/python3.12/site-packages/thing/__pycache__/__init__.cpython-312.pyc")
    world.put("lib/python3.12/site-packages/__pycache__/single.cpython-312.opt-1.pyc")
    other = world.put("lib/python3.12/site-packages/__pycache__/singleton.cpython-312.pyc")
    world.change(remove=("thing",))
    other.unlink()
    other.parent.rmdir()
    assert tree_of(world.prefix) == before


def test_stale_bytecode_never_survives_its_source(world: World) -> None:
    stale = world.put("lib/python3.12/site-packages/single.py").parent / "__pycache__/single.cpython-312.pyc"
    for version in ("1.0", "2.0"):
        stale.parent.mkdir(exist_ok=True)
        stale.write_text("made from what was there")
        world.change(world.wheel("thing", version, files={"single.py": "x = 1\n"}))
        assert not stale.exists()


def test_a_reinstall_of_the_same_version_repairs(world: World) -> None:
    stored = rich_wheel(world)
    world.change(stored)
    (world.site / "thing/__init__.py").unlink()
    (world.site / "thing_module.py").unlink()
    (world.site / "thing_module.py").write_text("damaged")
    world.change(stored)
    world.assert_sound()


def test_many_distributions_come_and_go_in_one_change(world: World) -> None:
    first = [world.wheel(f"p{number}", "1.0") for number in range(8)]
    world.change(*first)
    world.change(*(world.wheel(f"p{number}", "2.0") for number in range(4)), world.wheel("new"), remove=("p6", "p7"))
    world.assert_sound()
    assert world.versions() == {**{f"p{n}": "2.0" if n < 4 else "1.0" for n in range(6)}, "new": "1.0"}


# Going back


def test_a_rollback_leaves_the_tree_byte_for_byte(any_world: World) -> None:
    any_world.change(any_world.wheel("some-thing", "0.9", files={"thing/__init__.py": "old", "thing/old.py": ""}))
    any_world.put("lib/python3.12/site-packages/thing_module.py", "somebody's own")
    any_world.put("lib/python3.12/site-packages/__pycache__/thing_module.cpython-312.pyc", "bytecode")
    any_world.put("bin/thing", "somebody's own command")
    (any_world.site / "thing/deep").mkdir()
    before = tree_of(any_world.prefix)
    with any_world.transaction() as transaction:
        transaction.stage(rich_wheel(any_world))
        transaction.remove(any_world.installed("some-thing"))
    assert tree_of(any_world.prefix) == before
    with pytest.raises(InstallError, match="ended"):
        transaction.stage(rich_wheel(any_world))
    any_world.change(rich_wheel(any_world))
    any_world.assert_sound()


def test_a_rollback_takes_a_wheel_back_that_was_half_linked(world: World) -> None:
    stored = rich_wheel(world)
    os.chmod(stored.directory / "thing/deep/er", 0o755)
    (stored.directory / "thing/deep/er/data.txt").unlink()
    before = tree_of(world.prefix)
    with pytest.raises(DamagedEntry, match="is gone") as caught, world.transaction() as transaction:
        transaction.stage(stored)
    assert caught.value.key == stored.manifest.blake3
    assert tree_of(world.prefix) == before


def test_the_state_record_is_gone_as_soon_as_anything_changes(world: World) -> None:
    write_state(str(world.prefix), {}, [], 1)
    with world.transaction() as transaction:
        assert not transaction.recover()
        assert read_state(str(world.prefix)) is not None
        transaction.stage(rich_wheel(world))
        assert read_state(str(world.prefix)) is None


def test_an_empty_transaction_changes_nothing(world: World) -> None:
    write_state(str(world.prefix), {}, [], 1)
    before = tree_of(world.prefix)
    with world.transaction() as transaction:
        transaction.commit()
    assert tree_of(world.prefix) == before


# A store that is not what it was


def test_a_store_file_that_was_edited_does_not_spread(any_world: World) -> None:
    stored = rich_wheel(any_world)
    file = stored.directory / "thing/__init__.py"
    facts = file.stat()
    contents = file.read_bytes()
    os.chmod(file, 0o644)
    file.write_bytes(contents.replace(b"runs", b"RUNS"))
    before = tree_of(any_world.prefix)
    with pytest.raises(DamagedEntry, match="was changed") as caught, any_world.transaction() as transaction:
        transaction.stage(stored)
    assert caught.value.file == str(file)
    assert tree_of(any_world.prefix) == before
    file.write_bytes(contents)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    any_world.change(stored)


# Conflicts


def test_two_wheels_with_different_files_in_one_place_are_refused(world: World) -> None:
    before = tree_of(world.prefix)
    one = world.wheel("one", files={"shared.py": "1"})
    other = world.wheel("other", files={"shared.py": "2"})
    with pytest.raises(FileConflict) as caught:
        world.change(one, other)
    for part in ("one-1.0-py3", "other-1.0-py3", "shared.py"):
        assert part in str(caught.value)
    assert tree_of(world.prefix) == before
    world.change(one)
    with pytest.raises(FileConflict, match=r"shared\.py"):
        world.change(other)
    assert world.versions() == {"one": "1.0"}
    world.assert_sound()


def test_the_same_file_in_two_distributions_stays_until_both_are_gone(any_world: World) -> None:
    one = any_world.wheel("one", files={"ns/__init__.py": "same", "ns/one.py": "1"})
    other = any_world.wheel("other", files={"ns/__init__.py": "same", "ns/other.py": "2"})
    third = any_world.wheel("third", files={"ns/__init__.py": "same"})
    before = tree_of(any_world.prefix)
    any_world.change(one, other)
    any_world.change(third)
    any_world.assert_sound()
    for name in ("one", "third"):
        any_world.change(remove=(name,))
        any_world.assert_sound()
    assert (any_world.site / "ns/__init__.py").read_text() == "same"
    any_world.change(remove=("other",))
    assert tree_of(any_world.prefix) == before


def test_a_file_that_moves_from_one_distribution_to_another_is_no_conflict(world: World) -> None:
    world.change(world.wheel("old", files={"moved.py": "old", "old.py": ""}))
    world.change(world.wheel("new", files={"moved.py": "new"}), remove=("old",))
    world.assert_sound()
    assert (world.site / "moved.py").read_text() == "new"
    assert not (world.site / "old.py").exists()


def test_a_file_of_nobody_is_replaced_only_by_the_commit(any_world: World) -> None:
    mine = any_world.put("lib/python3.12/site-packages/thing_module.py", "mine")
    with any_world.transaction() as transaction:
        transaction.stage(rich_wheel(any_world))
        assert mine.read_text() == "mine"
        transaction.commit()
    any_world.assert_sound()


def test_a_directory_of_nobody_is_not_removed_for_a_file(world: World) -> None:
    world.put("lib/python3.12/site-packages/thing_module.py/mine.txt", "mine")
    before = tree_of(world.prefix)
    with pytest.raises(FileConflict, match=r"mine\.txt"):
        world.change(rich_wheel(world))
    assert tree_of(world.prefix) == before


def test_a_file_of_nobody_is_not_removed_for_a_directory(world: World) -> None:
    world.put("lib/python3.12/site-packages/thing", "mine")
    before = tree_of(world.prefix)
    with pytest.raises(FileConflict, match="thing"):
        world.change(rich_wheel(world))
    assert tree_of(world.prefix) == before


@pytest.mark.parametrize("inside", [False, True])
def test_nothing_is_written_through_a_link(world: World, tmp_path: Path, inside: bool) -> None:
    target = world.site / "elsewhere" if inside else tmp_path / "outside"
    target.mkdir()
    (world.site / "thing").symlink_to(target)
    before = tree_of(tmp_path / "outside") if not inside else {}
    if inside:  # a link that stays in the environment is one of its directories
        world.change(rich_wheel(world))
        world.assert_sound()
        return
    with pytest.raises(FileConflict, match="thing"):
        world.change(rich_wheel(world))
    assert tree_of(tmp_path / "outside") == before


def test_a_project_cannot_become_visible_twice(world: World) -> None:
    world.change(world.wheel("thing", "1.0"))
    before = tree_of(world.prefix)
    with pytest.raises(InstallError, match="is there"):
        world.change_unplanned(world.wheel("thing", "2.0"))
    new = world.wheel("new", "1.0")
    with pytest.raises(InstallError, match="is there"):
        world.change_unplanned(new, world.wheel("new", "2.0"))
    with pytest.raises(InstallError, match="already"):
        world.change_unplanned(new, new)
    assert tree_of(world.prefix) == before


def test_duplicates_of_an_interrupted_upgrade_are_all_removed(world: World) -> None:
    world.put_installed("thing", "thing.py,,\n", version="1.0")
    world.put_installed("thing", "thing.py,,\nother.py,,\n", version="1.1")
    world.put("lib/python3.12/site-packages/thing.py")
    world.change(world.wheel("thing", "2.0"))
    world.assert_sound()
    assert world.versions() == {"thing": "2.0"}


# Parts of the environment itself


@pytest.mark.parametrize(
    "parts",
    [
        {"data": {"data/pyvenv.cfg": "evil"}},
        {"data": {"data/bin/python": "evil"}},
        {"data": {"data/bin/activate": "evil"}},
        {"data": {"scripts/python3": "evil"}},
        {"data": {"data/dxpy-state": "evil"}},
        {"data": {"data/lib64": "evil"}},
        {"data": {"data/dxpy-receipt.toml": "evil"}},
        {"data": {"data/lib/python3.12/site-packages/other-1.0.dist-info/METADATA": "Name: other"}},
        {"data": {"data/lib64/python3.12/site-packages/other-1.0.dist-info/METADATA": "Name: other"}},
        {"data": {"data/lib/python3.12/site-packages/.dxpy-transaction/journal": "evil"}},
        {"data": {"unknown/x": "evil"}},
        {"data": {"purelib/thing/__init__.py": "twice"}},
        {"entry_points": {"console_scripts": {"python": "a:b"}}},
        {"entry_points": {"console_scripts": {"../x": "a:b"}}},
        {"entry_points": {"console_scripts": {"x": "a"}}},
    ],
)
def test_a_wheel_cannot_replace_a_part_of_the_environment(world: World, parts: dict[str, dict[str, str]]) -> None:
    (world.prefix / "lib64").symlink_to("lib")
    before = tree_of(world.prefix)
    try:
        stored = world.wheel("thing", files={"thing/__init__.py": ""}, **parts)
    except InvalidWheel:
        return  # refused before it comes into the store
    with pytest.raises((FileConflict, InvalidWheel)):
        world.change(stored)
    assert tree_of(world.prefix) == before


# RECORDs that somebody else wrote


@pytest.mark.parametrize(
    "row",
    [
        "",
        ".",
        "..",
        "/",
        "victim/",
        "../../../bin/python",
        "../../../bin/activate",
        "../../../pyvenv.cfg",
        "../../../lib64",
        "../../../../outside/file",
        "../../../../env-sibling/file",
        "{outside}/file",
        "link/file",
        "inner/file",
        "victim/__init__.py",
        "./victim/../victim/__init__.py",
        "victim-1.0.dist-info/RECORD",
        "victim-1.0.dist-info",
        "../site-packages/victim-1.0.dist-info/METADATA",
        "broken-1.0.dist-info/METADATA",
        "directory",
        "../../..",
        "../../../../env",
        "//victim/__init__.py",
        "a/" * 3000 + "b",
        "x" * 5000,
    ],
)
def test_removing_a_distribution_stays_with_its_own_files(world: World, tmp_path: Path, row: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("outside")
    (tmp_path / "env-sibling").mkdir()
    (tmp_path / "env-sibling/file").write_text("sibling")
    world.change(world.wheel("victim"))
    (world.put_installed("broken", "") / "RECORD").unlink()
    world.put("lib/python3.12/site-packages/directory/file")
    (world.site / "link").symlink_to(tmp_path / "outside")
    world.put("lib/python3.12/site-packages/real/file")
    (world.site / "inner").symlink_to(world.site / "real")
    (world.prefix / "lib64").symlink_to("lib")
    before = tree_of(tmp_path)
    world.put("lib/python3.12/site-packages/evil.py")
    world.put_installed(
        "evil", f"evil.py,,\n{row.format(outside=tmp_path / 'outside')},,\nevil-1.0.dist-info/RECORD,,\n"
    )
    world.change(remove=("evil",))
    assert tree_of(tmp_path) == before


@pytest.mark.parametrize("record", ["", "not, a, record\x00", "one field\n", None])
def test_a_distribution_without_a_readable_record_only_loses_its_metadata(world: World, record: str | None) -> None:
    directory = world.put_installed("thing", record or "")
    if record is None:
        (directory / "RECORD").unlink()
        os.mkfifo(directory / "RECORD")
    world.put("lib/python3.12/site-packages/thing/__init__.py", "kept")
    world.change(remove=("thing",))
    assert world.versions() == {}
    assert (world.site / "thing/__init__.py").read_text() == "kept"


def test_a_legacy_distribution_gives_way(world: World) -> None:
    world.put("lib/python3.12/site-packages/thing-0.1-py3.12.egg-info/PKG-INFO", "Name: thing")
    world.put("lib/python3.12/site-packages/thing/__init__.py", "old")
    world.change(world.wheel("thing"))
    world.assert_sound()
    assert world.versions() == {"thing": "1.0"}


def test_only_what_is_in_the_environment_can_be_removed(world: World, tmp_path: Path) -> None:
    world.change(world.wheel("thing"))
    elsewhere = replace(world.installed("thing"), directory=tmp_path / "thing-1.0.dist-info")
    with pytest.raises(InstallError, match="not installed"):
        world.change_unplanned(remove=(elsewhere,))
    assert world.versions() == {"thing": "1.0"}


# Several at once


def test_threads_can_stage_at_the_same_time(any_world: World) -> None:
    wheels = [
        any_world.wheel(
            f"p{number}",
            files={"ns/__init__.py": "same", **{f"ns/p{number}/m{each}.py": f"{each}" for each in range(20)}},
            entry_points={"console_scripts": {f"p{number}": "a:b"}},
        )
        for number in range(12)
    ]
    before = tree_of(any_world.prefix)
    for commit in (False, True):
        with any_world.transaction() as transaction, ThreadPoolExecutor(6) as threads:
            list(threads.map(transaction.stage, wheels))
            if commit:
                transaction.commit()
        if not commit:
            assert tree_of(any_world.prefix) == before
    any_world.assert_sound()
    assert len(any_world.versions()) == 12


def test_a_rollback_waits_for_threads_that_still_link(world: World) -> None:
    wheels = [
        world.wheel(f"p{number}", files={f"p{number}/d{each}/m.py": "" for each in range(150)}) for number in range(3)
    ]
    before = tree_of(world.prefix)
    transaction = world.transaction()
    failures: list[InstallError] = []

    def stage(wheel: StoredWheel) -> None:
        try:
            transaction.stage(wheel)
        except InstallError as error:
            failures.append(error)

    threads = [threading.Thread(target=stage, args=(wheel,)) for wheel in wheels]
    for thread in threads:
        thread.start()
    while not (world.site / "p1").exists():
        pass
    transaction.rollback()
    assert tree_of(world.prefix) == before
    for thread in threads:
        thread.join()
    assert tree_of(world.prefix) == before


@pytest.fixture
def single_threaded() -> None:
    """Forking is only for processes without threads; wait for those that another test has left to end."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(5)


@pytest.mark.usefixtures("single_threaded")
def test_forked_processes_stage_the_same_as_one(any_world: World, tmp_path: Path) -> None:
    parts = {"files": {"ns/__init__.py": "same"}, "entry_points": {"console_scripts": {"x": "ns:f"}}}
    wheels = [any_world.wheel(f"p{number}", **parts) for number in range(5)]
    any_world.put("lib/python3.12/site-packages/ns/__init__.py", "mine")
    with any_world.transaction() as transaction:
        transaction.stage_all([Arrival(wheel, requested=wheel is wheels[0]) for wheel in wheels], workers=3)
        transaction.commit()
    any_world.assert_sound()
    assert [found.name for found in read_installed(any_world.scheme).values() if found.requested] == ["p0"]
    other = World(tmp_path / "other", link_mode=any_world.link_mode)
    other.change(*wheels)
    with_one, with_three = (
        {path for path in tree_of(each.prefix) if not path.endswith("REQUESTED")} for each in (other, any_world)
    )
    assert with_one == with_three


@pytest.mark.usefixtures("single_threaded")
def test_an_error_in_a_forked_process_is_raised_as_it_was_there(world: World) -> None:
    wheels = [
        world.wheel(f"p{number}", files={f"p{number}/{each}.py": "" for each in range(5 - number)})
        for number in range(4)
    ]
    os.chmod(wheels[1].directory / "p1", 0o755)
    (wheels[1].directory / "p1/0.py").unlink()
    before = tree_of(world.prefix)
    with pytest.raises(DamagedEntry, match=r"p1/0\.py") as caught, world.transaction() as transaction:
        transaction.stage_all([Arrival(wheel) for wheel in wheels], workers=2)
    assert caught.value.key == wheels[1].manifest.blake3
    assert list(caught.value.hints())
    assert tree_of(world.prefix) == before


# Disks


def mounted(directory: Path, options: str) -> bool:
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or not mounted(tmp_path / "small", "size=256k"):
        pytest.skip("mounting a file system is not allowed here")
    try:
        yield tmp_path / "small"
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "small")], check=True)


def test_a_full_disk_is_an_error_that_names_the_wheel_and_changes_nothing(small_disk: Path, tmp_path: Path) -> None:
    world = World(small_disk, link_mode=LinkMode.COPY)
    source = World(tmp_path / "source")
    world.change(source.wheel("small", files={"small.py": "x" * 10_000}))
    before = tree_of(small_disk)
    big = source.wheel("big", files={f"big/{number}.py": os.urandom(60_000) for number in range(10)})
    with pytest.raises(InstallError, match=r"big-1\.0-py3-none-any\.whl.*No space left"):
        world.change(big)
    assert tree_of(small_disk) == before
    world.assert_sound()
    world.change(source.wheel("small", "2.0"))
    assert world.versions() == {"small": "2.0"}


def test_a_store_on_another_disk_is_copied_and_said_so_once(small_disk: Path, tmp_path: Path) -> None:
    world = World(small_disk)
    source = World(tmp_path / "source")
    wheels = [source.wheel("one"), source.wheel("two", files={"two/a.py": "", "two/b.py": ""})]
    world.change(*wheels)
    world.assert_sound()
    assert len(world.messages) == 1
    assert "another file system" in world.messages[0]


@pytest.mark.parametrize("compiled", [("one", "two"), ("one",), ("two",)])
@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_bytecode_beside_a_contested_source_is_that_of_the_wheel_that_won(
    world: World, order: tuple[str, str], compiled: tuple[str, ...]
) -> None:
    wheels = {name: world.wheel(f"clash-{name}", files={"common/same.py": f"who = {name!r}"}) for name in order}
    for name in compiled:
        world.compile(wheels[name])
    with world.transaction(allow_overwrites=True) as transaction:
        for name in order:
            bytecode = read_bytecode(str(wheels[name].directory), world.scheme.cache_tag) or ()
            transaction.stage(wheels[name], bytecode=bytecode)
        transaction.commit()
    assert (world.site / "common/same.py").read_text() == "who = 'two'"
    cache = "common/__pycache__/same.cpython-312.pyc"
    there = (world.site / cache).exists()
    assert there == ("two" in compiled)
    assert not there or (world.site / cache).samefile(wheels["two"].directory / cache)


def test_bytecode_of_a_replaced_source_goes_with_it(world: World) -> None:
    world.change(world.wheel("clash-one", files={"common/same.py": "who = 'one'"}))
    stale = world.put("lib/python3.12/site-packages/common/__pycache__/same.cpython-312.pyc", "of one")
    with world.transaction(allow_overwrites=True) as transaction:
        transaction.stage(world.wheel("clash-two", files={"common/same.py": "who = 'two'"}))
        transaction.commit()
    assert (world.site / "common/same.py").read_text() == "who = 'two'"
    assert not stale.exists()
