"""Tasks: the commands that a project gives names to in `[tool.dxpy.scripts]`, and in which order one of them runs.

[tool.dxpy.scripts]
lint = "ruff check src"                       words as a POSIX shell splits them; no shell reads them
serve = ["flask", "run", "--port", "8000"]    words as they are
docs = { cmd = "sphinx-build . out", cwd = "docs", env = { LANG = "C" }, help = "build the manual" }
count = { cmd = "ls | wc -l", shell = true }
check = { depends = ["lint", "test"] }        other tasks first, each once
test = { cmd = "pytest", pre = "dropdb --if-exists test", post = ["rm -rf tmp", "echo done"] }
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from dxpy_async.core.dataclass import dataclass, field

_NAME = re.compile(r"""(?!-)[^\s\x00-\x1f\x7f/\\"']+""")
_KEYS = ("cmd", "cwd", "depends", "env", "help", "post", "pre", "shell")


class Command(NamedTuple):
    """What is started: words, or when `shell` is set one text for the system's shell."""

    words: tuple[str, ...]
    shell: bool = False

    def with_arguments(self, arguments: Sequence[str]) -> Command:
        if not self.shell:
            return Command((*self.words, *arguments))
        return Command((" ".join([*self.words, *map(shlex.quote, arguments)]),), shell=True)

    def __str__(self) -> str:
        return self.words[0] if self.shell else shlex.join(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task. `command` is None for one that only runs others; `cwd` is relative to the project."""

    name: str
    command: Command | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    depends: tuple[str, ...] = ()
    pre: tuple[Command, ...] = ()
    post: tuple[Command, ...] = ()
    help: str = ""


class Step(NamedTuple):
    """One command of those that a task comes to, with the task that it belongs to."""

    task: Task
    command: Command


def steps_of(tasks: Mapping[str, Task], name: str, arguments: Sequence[str]) -> list[Step]:
    """All commands of the task `name`, in the order in which they run; its own one is given the `arguments`.

    Of tasks that `parse_tasks` gave. Each is run once, however many others depend on it.
    """
    return [
        Step(task, command.with_arguments(arguments) if task.name == name and command is task.command else command)
        for task in _in_order(tasks, name)
        for command in (*task.pre, *([task.command] if task.command is not None else []), *task.post)
    ]


def _in_order(tasks: Mapping[str, Task], name: str) -> list[Task]:
    """The task and those that it depends on, each behind its own; without recursion, however deep."""
    done: dict[str, Task] = {}
    open_tasks = {name: iter(tasks[name].depends)}
    while open_tasks:
        current = next(reversed(open_tasks))
        needed = next((each for each in open_tasks[current] if each not in done), None)
        if needed is None:
            done[current] = tasks[current]
            del open_tasks[current]
        else:
            open_tasks[needed] = iter(tasks[needed].depends)
    return list(done.values())


Refuse = Callable[[str, str, tuple[str, ...]], NoReturn]
"""Raises what is wrong with the key below the table, with hints."""


def parse_tasks(table: Mapping[str, Any], refuse: Refuse) -> dict[str, Task]:
    """The tasks in a table. `refuse` is called with what is wrong, the key it is wrong of, and hints."""
    reader = _Reader(refuse)
    tasks = {name: reader.task(name, value) for name, value in table.items()}
    for task in tasks.values():
        for needed in task.depends:
            if needed not in tasks:
                close = get_close_matches(needed, tasks, 1)
                hints = (f"did you mean `{close[0]}`?",) if close else ("tasks depend on tasks, not on commands",)
                refuse(f"the task `{task.name}` depends on `{needed}`, which is no task", task.name, hints)
    if cycle := _cycle(tasks):
        refuse(f"tasks depend on each other in a circle: {' → '.join(cycle)}", cycle[0], ())
    return tasks


def _cycle(tasks: Mapping[str, Task]) -> list[str]:
    done: set[str] = set()
    for start in tasks:
        open_tasks: dict[str, Iterator[str]] = {} if start in done else {start: iter(tasks[start].depends)}
        while open_tasks:
            current = next(reversed(open_tasks))
            needed = next((each for each in open_tasks[current] if each not in done), None)
            if needed is None:
                done.add(current)
                del open_tasks[current]
            elif needed in open_tasks:
                names = list(open_tasks)
                return [*names[names.index(needed) :], needed]
            else:
                open_tasks[needed] = iter(tasks[needed].depends)
    return []


class _Reader:
    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse

    def task(self, name: str, value: object) -> Task:
        if not _NAME.fullmatch(name) or name.endswith((".py", ".pyw")):
            self._refuse(
                f"a task cannot be called {name!r}",
                name,
                ("a name has no spaces, slashes and quotes, does not begin with `-` and does not end with `.py`",),
            )
        if not isinstance(value, dict):
            return Task(name=name, command=self._command(value, name, shell=False))
        for key in value:
            if key not in _KEYS:
                close = get_close_matches(key, _KEYS, 1)
                self._refuse(
                    f"the task `{name}` has no setting `{key}`",
                    f"{name}.{key}",
                    (f"did you mean `{close[0]}`?",) if close else (f"the settings are {', '.join(_KEYS)}",),
                )
        shell = value.get("shell", False)
        if not isinstance(shell, bool):
            self._refuse(f"`shell` of the task `{name}` must be true or false", f"{name}.shell", ())
        command = self._command(value["cmd"], f"{name}.cmd", shell=shell) if "cmd" in value else None
        depends = self._strings(value, "depends", name)
        if command is None and not depends:
            self._refuse(f"the task `{name}` has neither `cmd` nor `depends`, so it does nothing", name, ())
        return Task(
            name=name,
            command=command,
            env=self._variables(value.get("env", {}), name),
            cwd=self._string(value, "cwd", name),
            depends=tuple(depends),
            pre=self._commands(value, "pre", name, shell=shell),
            post=self._commands(value, "post", name, shell=shell),
            help=self._string(value, "help", name),
        )

    def _command(self, value: object, key: str, *, shell: bool) -> Command:
        if isinstance(value, list) and not shell:
            words = tuple(value)
            if not all(isinstance(word, str) and "\0" not in word for word in words):
                self._refuse(f"the words of `{key}` must be strings", key, ())
        elif isinstance(value, str) and "\0" not in value:
            words = (value,) if shell else self._split(value, key)
        else:
            kinds = "a string" if shell else "a string, or an array of its words"
            self._refuse(f"the command `{key}` must be {kinds}", key, ())
        if not words or not words[0].strip():
            self._refuse(f"the command `{key}` is empty", key, ())
        return Command(words, shell)

    def _split(self, text: str, key: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            self._refuse(f"the command `{key}` cannot be split into words: {str(error).lower()}", key, ())

    def _commands(self, table: Mapping[str, Any], key: str, name: str, *, shell: bool) -> tuple[Command, ...]:
        value = table.get(key, [])
        texts = [value] if isinstance(value, str) else self._strings(table, key, name)
        return tuple(self._command(text, f"{name}.{key}", shell=shell) for text in texts)

    def _strings(self, table: Mapping[str, Any], key: str, name: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._refuse(f"`{key}` of the task `{name}` must be an array of strings", f"{name}.{key}", ())
        return value

    def _string(self, table: Mapping[str, Any], key: str, name: str) -> str:
        value = table.get(key, "")
        if not isinstance(value, str) or "\0" in value:
            self._refuse(f"`{key}` of the task `{name}` must be a string", f"{name}.{key}", ())
        return value

    def _variables(self, value: object, name: str) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            self._refuse(f"`env` of the task `{name}` must be a table of strings", f"{name}.env", ())
        for variable, text in value.items():
            if not variable or "=" in variable or "\0" in variable + text:
                self._refuse(f"`env` of the task `{name}` cannot set {variable!r}", f"{name}.env", ())
        return value


def summary_of(task: Task) -> str:
    """What a task says of itself: its help, else its command, else the tasks it runs."""
    if task.help or task.command is None:
        return task.help or f"runs {', '.join(task.depends)}"
    return str(task.command)
