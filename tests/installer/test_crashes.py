"""Killed at any moment: what is visible is complete, and the next run finishes or undoes the rest.

A change is done in a forked child in which the functions of `os` that alter the disk count their calls, and at a chosen
one the child kills itself, before or in the middle of it. So every point at which a kill can matter is tried, and none
by luck; a few rounds with kills from outside check that the points were chosen well.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from environments import Tree, World, tree_of

from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import InstallError
from dxpy_async.installer.check import verify_environment
from dxpy_async.installer.journal import Journal, format_journal

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

ALTERING = ("link", "symlink", "mkdir", "rename", "replace", "unlink", "rmdir", "open", "write", "utime")


class Scene:
    """An environment with a past, and a change of it that has a bit of everything."""

    def __init__(self, root: Path, link_mode: LinkMode = LinkMode.HARDLINK) -> None:
        world = World(root, link_mode=link_mode)
        self.world = world
        compiled = world.compile if link_mode is not LinkMode.COPY else lambda wheel: wheel
        namespace = {"ns/__init__.py": "same"}
        world.change(
            compiled(world.wheel("stays", files={**namespace, "ns/stays.py": "s"})),
            world.wheel("goes", files={**namespace, "goes/__init__.py": "g", "moved.py": "from goes"}),
            world.wheel(
                "grows",
                "1.0",
                files={"grows/__init__.py": "1", "grows/old.py": "old", "grows/shape": "a file"},
                entry_points={"console_scripts": {"grows": "grows:main"}},
            ),
        )
        world.put("lib/python3.12/site-packages/grows/__pycache__/old.cpython-312.pyc", "bytecode")
        world.put("lib/python3.12/site-packages/taken.py", "somebody's own")
        world.put("lib/python3.12/site-packages/mine.py", "not in anybody's way")
        self.arriving = [
            world.wheel(
                "grows",
                "2.0",
                files={"grows/__init__.py": "2", "grows/shape/now.py": "a directory"},
                entry_points={"console_scripts": {"grows": "grows:run"}},
                data={"data/share/grows.conf": "x"},
            ),
            compiled(
                world.wheel(
                    "comes", files={**namespace, "comes/deep/a.py": "a", "taken.py": "ours", "moved.py": "ours"}
                )
            ),
        ]
        self.old_versions = world.versions()
        self.new_versions = {"stays": "1.0", "grows": "2.0", "comes": "1.0"}
        self.snapshot = root / "snapshot"
        shutil.copytree(world.prefix, self.snapshot, symlinks=True)

    def reset(self) -> Tree:
        """The environment as it was before the change."""
        shutil.rmtree(self.world.prefix)
        shutil.copytree(self.snapshot, self.world.prefix, symlinks=True)
        return tree_of(self.world.prefix)

    def change(self) -> None:
        self.world.change(*self.arriving, remove=("goes",))

    def recover(self) -> None:
        self.world.transaction().recover()

    def assert_visible_is_complete(self) -> None:
        problems = verify_environment(self.world.scheme)
        assert [problem for problem in problems if not problem.directory.endswith(".dxpy-transaction")] == []

    def assert_on_one_side(self, before: Tree) -> bool:
        """All is as before or all is done; gives whether it is done."""
        self.world.assert_sound()
        if self.world.versions() == self.old_versions:
            assert tree_of(self.world.prefix) == before
            return False
        assert self.world.versions() == self.new_versions
        assert {path: what[-1] for path, what in tree_of(self.world.prefix).items()} == self.done
        return True

    @property
    def done(self) -> dict[str, object]:
        """What the finished change looks like."""
        if not hasattr(self, "_done"):
            keep = self.world.prefix.rename(self.world.root / "aside")
            shutil.copytree(self.snapshot, self.world.prefix, symlinks=True)
            self.change()
            self._done = {path: what[-1] for path, what in tree_of(self.world.prefix).items()}
            shutil.rmtree(self.world.prefix)
            keep.rename(self.world.prefix)
        return self._done


def killed_at(step: int, action: Callable[[], None]) -> bool:
    """Do `action` in a child that is killed at its `step`th alteration of the disk; gives whether it came that far."""
    child = os.fork()
    if not child:
        try:
            _count_down(step)
            action()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _count_down(step: int) -> None:
    left = step

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def function(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if name != "open" or arguments[1] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                left -= 1
                if not left:
                    if name == "write":
                        real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return function

    for name in ALTERING:
        setattr(os, name, dying(name, getattr(os, name)))


@pytest.mark.parametrize(
    "link_mode", [pytest.param(LinkMode.HARDLINK, marks=pytest.mark.slow), LinkMode.COPY, LinkMode.SYMLINK]
)
def test_a_change_killed_at_any_step_is_undone_or_finished(tmp_path: Path, link_mode: LinkMode) -> None:
    scene = Scene(tmp_path, link_mode)
    chance = random.Random(7)
    undone = finished = 0
    step = 1
    while True:
        before = scene.reset()
        if not killed_at(step, scene.change):
            break
        scene.assert_visible_is_complete()
        if chance.random() < 0.3:  # the repair may be killed as well
            for _ in range(3):
                killed_at(chance.randrange(1, 40), scene.recover)
                scene.assert_visible_is_complete()
        scene.recover()
        if scene.assert_on_one_side(before):
            finished += 1
        else:
            undone += 1
            scene.change()
            assert scene.assert_on_one_side(before)
        step += 1 if link_mode is LinkMode.HARDLINK else 5
    assert scene.assert_on_one_side(before)
    assert undone > 5
    assert finished > 3


@pytest.mark.slow
def test_a_repair_killed_at_any_step_is_repaired(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    steps = next(step for step in range(1, 1000) if not (scene.reset() and killed_at(step, scene.change)))
    for first in (steps * 2 // 3, steps - 9):
        step = 1
        while True:
            before = scene.reset()
            assert killed_at(first, scene.change)
            if not killed_at(step, scene.recover):
                break
            scene.assert_visible_is_complete()
            scene.recover()
            scene.assert_on_one_side(before)
            step += 3


def test_what_another_installer_did_in_between_is_respected(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    step = 10
    while True:
        scene.reset()
        if not killed_at(step, scene.change):
            break
        site = scene.world.site
        if not (site / "comes-1.0.dist-info").exists():
            scene.world.put_installed(
                "comes", "taken.py,,\ncomes/deep/a.py,,\ncomes-9.0.dist-info/RECORD,,\n", version="9.0"
            )
            scene.world.put("lib/python3.12/site-packages/taken.py", "theirs")
            scene.world.put("lib/python3.12/site-packages/comes/deep/a.py", "theirs")
            scene.recover()
            scene.world.assert_sound()
            assert scene.world.versions()["comes"] == "9.0"
            assert (site / "taken.py").read_text() == "theirs"
            assert (site / "comes/deep/a.py").read_text() == "theirs"
        step += 4


def test_a_journal_that_is_damaged_decides_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    before = scene.reset()
    transaction = scene.world.transaction()
    for wheel in scene.arriving:
        transaction.stage(wheel)
    (scene.world.site / ".dxpy-transaction/journal").write_bytes(b"dxpy-journal 1\nhide\0stays\0")
    scene.recover()
    assert not scene.assert_on_one_side(before)


@pytest.mark.parametrize("journal", ["hide", "delete", "place", "show"])
def test_a_journal_leads_nowhere_outside_the_environment(tmp_path: Path, journal: str) -> None:
    world = World(tmp_path)
    world.change(world.wheel("thing"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("outside")
    (world.site / "link").symlink_to(tmp_path / "outside")
    hidden = world.site / ".dxpy-transaction"
    before = tree_of(tmp_path)
    bad = ("../outside/file", str(tmp_path / "outside/file"), "lib/python3.12/site-packages/link/file", "pyvenv.cfg")
    bad += ("bin/python", "lib/python3.12/site-packages/thing/__init__.py", "")
    for path in bad:
        if (journal, path) in (("place", bad[-2]), ("hide", bad[-2])):
            continue  # what a journal may say
        hidden.mkdir()
        (hidden / "from").write_text("evil")
        steps = {"hide": (path, "to"), "delete": path, "place": ("from", path), "show": ("from", path)}
        (hidden / "journal").write_bytes(format_journal(Journal(**{journal: (steps[journal],)})))
        try:
            world.transaction().recover()
        except InstallError:
            shutil.rmtree(hidden)
        after = tree_of(tmp_path)
        assert {path: what for path, what in after.items() if path != "env/dxpy-state"} == before, path


def test_kills_from_outside_leave_nothing_that_the_next_run_does_not_repair(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    chance = random.Random(11)
    started = time.monotonic()
    rounds = 0
    while rounds < 60 and time.monotonic() - started < 4:
        before = scene.reset()
        child = os.fork()
        if not child:
            scene.change()
            os._exit(0)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        scene.assert_visible_is_complete()
        scene.recover()
        scene.assert_on_one_side(before)
        rounds += 1
    assert rounds


def test_forked_linking_that_is_killed_is_repaired(tmp_path: Path) -> None:
    """The whole process group dies, as it does with a terminal or a container."""
    world = World(tmp_path)
    for number in range(6):
        world.wheel(f"p{number}", files={f"p{number}/m{each}.py": str(each) for each in range(40)})
    before = tree_of(world.prefix)
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from environments import World\n"
        "from dxpy_async.installer.transaction import Arrival\n"
        "world = World(Path(sys.argv[1])); wheels = [world.wheel(f'p{n}', files={f'p{n}/m{e}.py': str(e) "
        "for e in range(40)}) for n in range(6)]\n"
        "print('ready', flush=True)\n"
        "with world.transaction() as transaction:\n"
        "    transaction.stage_all([Arrival(wheel) for wheel in wheels], workers=2)\n"
    )
    chance = random.Random(3)
    for _ in range(4):
        command = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent.parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.02))
            os.killpg(process.pid, signal.SIGKILL)
            process.stdout.read()  # to its end: the forked child is gone too, as the environment's lock would tell
        world.transaction().recover()
        assert tree_of(world.prefix) == before
