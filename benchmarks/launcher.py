"""A small process that starts others and tells what they took: `python -I -S launcher.py`, spoken to in marshal.

Read: arguments, directory, environment, path of a file for the output. Written: the process id; and when it has ended,
its status as of wait(), seconds on the clock, user and system seconds of the processor, and the peak of its memory.

Linux counts the memory of whoever starts a process as that process's own, up to its exec; so this imports nothing more.
"""

import marshal
import os
import sys
import time


def serve() -> None:
    answers = sys.stdout.buffer
    nothing = os.open(os.devnull, os.O_RDONLY)
    while True:
        try:
            command, where, environ, output = marshal.load(sys.stdin.buffer)
        except EOFError:
            return
        os.chdir(where)
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
        os.sync()  # what earlier runs wrote is not flushed at this one's expense
        start = time.perf_counter()
        process = os.posix_spawnp(command[0], command, environ, file_actions=actions, setsid=True)
        marshal.dump(process, answers)
        answers.flush()
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - start
        os.close(out)
        marshal.dump((status, seconds, usage.ru_utime, usage.ru_stime, usage.ru_maxrss), answers)
        answers.flush()


serve()
