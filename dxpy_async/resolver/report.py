"""Words for a failed resolution."""

from __future__ import annotations

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.deduction import Incompatibility


def no_solution(proof: Incompatibility, *, target: TargetEnvironment, root_name: str) -> NoSolution:
    """The error for a refuted resolution."""
    return NoSolution(f"{root_name} cannot be resolved", derivation=proof)


def unfit_python(root_name: str, requires_python: str, target: TargetEnvironment) -> NoSolution:
    """The error for a project that does not want the target's Python."""
    return NoSolution(
        f"{root_name} needs Python {requires_python}, and this is {target.describe()}",
        derivation=None,
        hints=("choose another interpreter with `--python`",),
    )
