"""What a sync came to, in lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.output import Output, count, duration
from dxpy_async.engine.syncing import SyncOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import Release, SyncDocument


def report(outcome: SyncOutcome, output: Output) -> None:
    """The summary: what came, what went, or that nothing had to."""
    took = duration(outcome.seconds)
    if outcome.dry_run:
        _say_plan(outcome, output)
    elif not outcome.changed:
        output.say(f"Checked {count(outcome.kept)} in {took}")
    else:
        if outcome.removed:
            output.say(f"Removed {count(len(outcome.removed))} in {took}")
        if outcome.installed:
            output.say(f"Installed {count(len(outcome.installed))} in {took}")
    changes = [(name, 0, "-", version) for name, version in outcome.removed]
    changes += [(name, 1, "+", version) for name, version in outcome.installed]
    output.changes((sign, name, version) for name, _, sign, version in sorted(changes))
    if output.is_json:
        output.document(sync_document(outcome))


def report_unchanged(environment: Path, kept: int, output: Output, *, seconds: float) -> None:
    """The summary of a sync that found the environment as it has to be."""
    report(SyncOutcome(environment=environment, kept=kept, seconds=seconds), output)


def sync_document(outcome: SyncOutcome) -> SyncDocument:
    return {
        "schema": "dxpy/sync/1",
        "environment": None if outcome.environment is None else str(outcome.environment),
        "dry_run": outcome.dry_run,
        "changed": outcome.changed,
        "installed": _releases(outcome.installed),
        "removed": _releases(outcome.removed),
        "kept": outcome.kept,
    }


def _releases(pins: Iterable[tuple[str, str]]) -> list[Release]:
    return [{"name": name, "version": version} for name, version in pins]


def conclude_check(outcome: SyncOutcome, output: Output) -> int:
    """The exit code of a sync that was only to check."""
    if outcome.changed:
        output.error("the environment does not hold what the lock says", ("run `dxpy sync` to bring it up to date",))
    return int(outcome.changed)


def _say_plan(outcome: SyncOutcome, output: Output) -> None:
    if outcome.removed:
        output.say(f"Would remove {count(len(outcome.removed))}")
    if outcome.installed:
        output.say(f"Would install {count(len(outcome.installed))}")
    if not outcome.changed:
        output.say(f"Would change nothing: {count(outcome.kept)} installed as the lock says")
