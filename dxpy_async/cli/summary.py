"""What a sync came to, in lines."""

from __future__ import annotations

from dxpy_async.cli.output import Output, count, duration
from dxpy_async.engine.syncing import SyncOutcome


def report(outcome: SyncOutcome, output: Output) -> None:
    """The summary: what came, what went, or that nothing had to."""
    took = duration(outcome.seconds)
    done = ("Would check", "Would remove", "Would install") if outcome.dry_run else ("Checked", "Removed", "Installed")
    if not outcome.changed:
        output.say(f"{done[0]} {count(outcome.kept)} in {took}")
    if outcome.removed:
        output.say(f"{done[1]} {count(len(outcome.removed))} in {took}")
    if outcome.installed:
        output.say(f"{done[2]} {count(len(outcome.installed))} in {took}")
    changes = [(name, 0, "-", version) for name, version in outcome.removed]
    changes += [(name, 1, "+", version) for name, version in outcome.installed]
    output.changes((sign, name, version) for name, _, sign, version in sorted(changes))
