"""The command line: a ladder, of which each rung is only loaded when the one before it could not answer.

    completing      what a word may become, when a shell asks
    quick           a few `stat`s: `dxpy sync` and `dxpy run CMD` when nothing has changed
    script_again    `dxpy run script.py` when its block of metadata is what it was
    task_again      `dxpy run NAME` when nothing has changed and NAME may be a task
    tool_again      `dxpy tool run TOOL` and `dxpyx TOOL` when the same was asked before
    with_again      `dxpy run --with PACKAGE CMD` when the same was asked before
    lock_again      `dxpy lock` when only the lock is missing, and memory knows it
    replay          `dxpy sync` into an environment that was made before and is not there
    venv_replay     `dxpy venv`, plain or with `-q`, `--prompt`, `--python`, if that interpreter was chosen before
    pip_plain       `dxpy pip freeze` and `list` of an ordinary environment, from the names of its directories
    program         parses the command line, and climbs the command's own rungs in COMMANDS
    *_warm          what waits for nothing: no event loop, no network
    *_cached        nor does a resolution whose facts are all in the cache
    *_command       everything else, with the engine

`load` is the one door through which modules are imported late; start-up time is a feature.
"""

from __future__ import annotations

import os
import sys

from dxpy_async.cli import quick

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from types import ModuleType

COMMANDS = {
    "init": ("init_command",),
    "add": ("add_cached", "add_command"),
    "version": ("version_warm", "add_cached", "add_command"),
    "remove": ("add_cached", "add_command"),
    "lock": ("lock_warm", "lock_cached", "lock_command"),
    "tree": ("tree_warm", "tree_command"),
    "import": ("import_command",),
    "why": ("why_warm",),
    "export": ("export_warm", "export_command"),
    "bundle": ("bundle_command",),
    "sync": ("sync_warm", "sync_command"),
    "install": ("sync_warm", "sync_command"),
    "run": ("run_warm", "run_command"),
    "venv": ("venv_command", "venv_seed"),
    "python": ("python_warm", "python_command"),
    "tool": ("tool_warm", "tool_command"),
    "workspace": ("workspace_command",),
    "convert": ("convert_command",),
    "build": ("build_command",),
    "publish": ("publish_command",),
    "auth": ("auth_command",),
    "pip": ("pip_command",),
    "self": ("self_command",),
    "config": ("config_command",),
    "cache": ("cache_command",),
    "dpp": ("dpp_command",),
    "completions": ("completions_command",),
}
"""The rungs of each command: modules with `run(arguments, output)`, which gives an exit code, or None to go on."""

_ELSEWHERE = ("DXPY_WORKING_DIR", "DXPY_PROJECT")
"""Variables by which a command works in another directory."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line and give its exit code: 0, 1 for what the user must change, 2 for errors.

    Without `argv` it is that of this process, which may then end here.
    """
    if argv is not None:
        return _answer(argv)
    code = _answer(sys.argv[1:])
    _leave(code)
    return code


def dxpyx(argv: list[str] | None = None) -> int:
    """`dxpyx …`, which is `dxpy tool run …`."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in (["--version"], ["-V"]):
        code: int = load("program").run_tool(arguments)
    else:
        code = _answer(["tool", "run", *arguments], "run_tool")
    if argv is None:
        _leave(code)
    return code


def _answer(arguments: list[str], of_program: str = "run") -> int:
    """The exit code of a command line; `of_program` is the function that takes it where no rung before could."""
    if "_ARGCOMPLETE" in os.environ:
        load("completing").complete()
    if not any(name.startswith("UV_") for name in os.environ):
        return _climb(arguments, of_program)
    with load("uv_variables").TakenOver():
        return _climb(arguments, of_program)


def _climb(arguments: list[str], of_program: str) -> int:
    if any(os.environ.get(name) for name in _ELSEWHERE):  # the rungs below look at the working directory alone
        told: int = getattr(load("program"), of_program)(arguments)
        return told
    words, quiet = quick.without_quiet(arguments)
    code = quick.answer(words, quiet=quiet)
    if code is None and (script := quick.script_in(arguments)) is not None:
        code = load("script_again").answer(script)
    if code is None and (task := quick.task_in(arguments)):
        code = load("task_again").answer(task)
    if code is None and arguments[:1] == ["run"] and arguments[1:] and arguments[1].startswith(("--with", "-w")):
        code = load("with_again").answer(arguments[1:])
    if code is None and arguments[:2] == ["tool", "run"]:
        code = load("tool_again").answer(arguments[2:])
    if code is None and arguments == ["lock"]:
        code = load("lock_again").answer()
    if code is None and (root := quick.without_environment(words)) is not None:
        code = load("replay").answer(words[1:], root, quiet=quiet)
    if code is None and "venv" in arguments[:2] and arguments[0] in ("venv", "-q", "--quiet"):
        code = load("venv_replay").answer(arguments)
    if code is None and arguments[:1] == ["pip"] and arguments[1:2] in (["freeze"], ["list"]):
        code = load("pip_plain").answer(arguments[1:])
    if code is not None:
        return code
    answer: int = getattr(load("program"), of_program)(arguments)
    return answer


def _leave(code: int) -> None:
    """End the process once all is said and done, unless threads are still at work.

    An interpreter that ends in its own way clears every module and object before the system takes the memory back: 2 ms
    of the 15 that a command with nothing to do takes, 5 where a lock was made, 30 where an event loop ran.
    """
    if (threading := sys.modules.get("threading")) is not None and threading.active_count() > 1:
        return
    if (at_exit := sys.modules.get("atexit")) is not None:
        at_exit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is none, or nobody reads it; Python knows what to say
            return
    os._exit(code)


def load(module: str) -> ModuleType:
    """The module `cli.<module>`, imported now."""
    name = f"dxpy_async.cli.{module}"
    __import__(name)  # loading `importlib`, for the same, takes a twentieth of a short command
    return sys.modules[name]
