"""Names that somebody may have meant who asked for a project that no index has.

An index cannot be searched, so likely slips are undone one at a time and looked up: letters swapped, doubled or left
out at the end, `python-` and `py` before the name. Names that the cache has seen are compared as a whole, which also
finds slips of other kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from difflib import get_close_matches

from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.releases import ProjectPage
from dxpy_async.errors import DxpyError
from dxpy_async.index.client import IndexClient

MOST_LOOKUPS = 40
MOST_NAMES = 3


async def close_names(client: IndexClient, name: ProjectName, known: Iterable[ProjectName]) -> tuple[ProjectName, ...]:
    """At most three projects that exist and are called nearly like `name`; `known` are names that are sure to exist."""
    alike = [ProjectName(each) for each in get_close_matches(name, sorted(known), MOST_NAMES, cutoff=0.8)]
    likely = [slip for slip in dict.fromkeys(_undone_slips(name)) if slip != name and slip not in alike]

    async def exists(slip: ProjectName) -> bool:
        try:
            page = await client.project_page(slip)
        except DxpyError:
            return False  # the error that is being explained matters, not one of the explanation
        return isinstance(page, ProjectPage) and bool(page.versions)

    async with asyncio.TaskGroup() as tasks:
        looked_up = {slip: tasks.create_task(exists(slip)) for slip in likely[:MOST_LOOKUPS]}
    found = [slip for slip, task in looked_up.items() if task.result()]
    return tuple([*alike, *found][:MOST_NAMES])


def _undone_slips(name: ProjectName) -> Iterable[ProjectName]:
    """What `name` may be a slip of, likeliest first."""
    variants = [f"{name}s", name.removesuffix("s"), f"python-{name}", name.removeprefix("python-"), f"py{name}"]
    variants += [name.removeprefix("py"), name.removesuffix("-python"), name.removesuffix("-py"), name.replace("-", "")]
    variants += [f"{name[:i]}{name[i + 1]}{name[i]}{name[i + 2 :]}" for i in range(len(name) - 1)]
    variants += [name[:i] + name[i + 1 :] for i in range(len(name)) if len(name) > 3]
    return (normalize(variant) for variant in variants if is_valid_name(variant))
