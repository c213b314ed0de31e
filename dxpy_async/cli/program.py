"""The full program: parse, choose the command, run it; whatever goes wrong becomes one message and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from dxpy_async.cli import COMMANDS, load
from dxpy_async.cli.arguments import Parser, ToolParser, parse_arguments
from dxpy_async.cli.output import Output, system_refusal, wants_color
from dxpy_async.errors import DxpyError, InterpreterNotFound, Terminated, UsageError

_LOCK_FLAGS = ("frozen", "locked", "check")
_SWITCHES = (
    *("frozen", "locked", "no_cache", "no_sync", "no_dev", "no_default_groups", "no_editable", "no_install_project"),
    *("no_install_workspace", "no_project", "no_sources", "isolated", "require_hashes", "break_system_packages"),
)
"""The flags without a value that variables give too, `DXPY_FROZEN` and so on."""


def run(arguments: Sequence[str], parser: type[Parser] = Parser) -> int:
    """Run one command line; all failures are said on stderr."""
    gc.set_threshold(50_000, 20, 100)  # a command lives for seconds: looking for garbage took a tenth of them
    output = Output(color=wants_color("auto", sys.stderr, dict(os.environ)), form=_form_in(arguments))
    signal.signal(signal.SIGTERM, _terminate)
    try:
        parsed = parse_arguments(arguments, parser)
        _take_switches(parsed)
        output = Output(
            verbosity=parsed.verbose - parsed.quiet,
            color=wants_color(parsed.color, sys.stderr, dict(os.environ)),
            form=getattr(parsed, "output_format", "text"),
        )
        if parsed.command is None and not parsed.show_settings:
            raise UsageError("no command given", hints=("`dxpy --help` lists them",))
        if parsed.directory:
            _change_directory(parsed.directory)
        if parsed.show_settings:
            told: int = load("config_command").show_settings(parsed, output)
            return told
        try:
            return _climb(parsed, output)
        except InterpreterNotFound as error:
            if parsed.command == "python" or not load("python_download").provide(parsed, output, error):
                raise
            return _climb(parsed, output)
    except DxpyError as error:
        return output.fail(error.code, str(error), error.hints(), exit_code=error.exit_code)
    except KeyboardInterrupt:
        return output.fail("interrupted", "interrupted", exit_code=128 + signal.SIGINT)
    except Terminated:
        return output.fail("terminated", "terminated", exit_code=128 + signal.SIGTERM)
    except BrokenPipeError:
        # Whoever read our output went away; say nothing more, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except OSError as error:
        return output.fail("system", system_refusal(error))
    except Exception as error:  # the last line of defence: our bug, and still one clear message
        return output.fail("bug", *_bug(error))
    finally:
        gc.freeze()  # nor is anything gained by looking for garbage once more when the interpreter ends


def run_tool(arguments: Sequence[str]) -> int:
    """Run one command line of `dxpyx`, given as that of `dxpy`."""
    return run(arguments, ToolParser)


def _form_in(arguments: Sequence[str]) -> str:
    """The form of the result that is asked for, told from words that could not be parsed."""
    words = [*arguments, ""]
    for place, word in enumerate(arguments):
        flag, _, value = word.partition("=")
        if flag == "--output-format" and (form := value or words[place + 1]) in ("json", "jsonl"):
            return form
    return "text"


def _take_switches(parsed: Namespace) -> None:
    """Flags that variables give too: those that the command has, and that were not given."""
    parsed.directory = parsed.directory or os.environ.get("DXPY_WORKING_DIR")
    parsed.project = parsed.project or os.environ.get("DXPY_PROJECT")
    locks_said = any(getattr(parsed, flag, False) for flag in _LOCK_FLAGS)
    for flag in _SWITCHES:
        if not os.environ.get(variable := f"DXPY_{flag.upper()}") or (locks_said and flag in _LOCK_FLAGS):
            continue
        own = "check" if (parsed.command, flag) == ("lock", "locked") else flag
        if getattr(parsed, own, None) is False:
            setattr(parsed, own, load("context").switched_on(os.environ, variable))


def _climb(parsed: Namespace, output: Output) -> int:
    for rung in COMMANDS[parsed.command]:
        code: int | None = load(rung).run(parsed, output)
        if code is not None:
            return code
    raise AssertionError(f"no rung of `{parsed.command}` gave an answer")


def _terminate(number: int, frame: object) -> None:
    raise Terminated


def _change_directory(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise UsageError(f"cannot change to `{directory}`: {error.strerror}") from error


def _bug(error: Exception) -> tuple[str, tuple[str, ...]]:
    import tempfile  # noqa: PLC0415 - what is only needed here costs 14 ms of every command
    import traceback  # noqa: PLC0415

    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="dxpy-", suffix=".log", delete=False) as log:
            log.write(text)
        where = Path(log.name)
    except OSError:
        sys.stderr.write(text)  # nowhere to keep it: better on the screen than lost
        return f"dxpy failed in a way it should not: {error!r}", ("please report this",)
    return f"dxpy failed in a way it should not: {error!r}", (f"please report this, with `{where}`",)
