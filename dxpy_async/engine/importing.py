"""What importing a project came to."""

from __future__ import annotations

from typing import NamedTuple

from dxpy_async.engine.locking import LockOutcome
from dxpy_async.project.importing import ImportPlan


class Imported(NamedTuple):
    """The plan, and the lock that was made by it; None when there was nothing to do."""

    plan: ImportPlan
    lock: LockOutcome | None
