"""Commands that run beside this process because something comes after them: waited for, with signals passed on."""

from __future__ import annotations

import os
import signal
import sys

_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")


def run_child(program: str, words: list[str], variables: dict[str, str]) -> int:
    """Run `program` to its end; its exit code as a shell gives it, 128 and the signal when one ended it.

    Raises OSError when it cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        return os.spawnve(os.P_WAIT, program, words, variables)
    child = os.posix_spawn(program, words, variables)

    def pass_on(number: int, frame: object) -> None:
        # Ctrl-C goes to all processes of the terminal's foreground: the child has it already.
        if number != signal.SIGINT or not (os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()):
            os.kill(child, number)

    numbers = [signal.SIGINT, *(getattr(signal, name) for name in _PASSED_ON)]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
