"""`dxpy run --with PACKAGE … COMMAND` in a project when the same was asked before and nothing has changed since.

A record in the cache says which environment the packages came to, laid over the project's.
"""

from __future__ import annotations

import os

from dxpy_async.cli.launch import become, is_source, prepare
from dxpy_async.cli.quick import may_be_task, state_facts, synced_place, without_credentials
from dxpy_async.cli.task_again import kept_tasks
from dxpy_async.installer.state import facts_since, script_record, unchanged, write_record
from dxpy_async.project.cache_place import default_cache_dir


def answer(arguments: list[str]) -> int | None:
    """Run the command behind the flags `--with` that those after `run` begin with; None when more is asked."""
    texts, words = _taken_apart(arguments)
    place, environ = synced_place(), os.environ
    if not texts or not words or words[0].startswith("-") or place is None or environ.get("DXPY_ENV_FILE"):
        return None
    if is_source(words[0]):
        return None
    if may_be_task(words[0], place[0]):
        tasks = kept_tasks(os.path.dirname(place[0])) if not place[1] else None
        if tasks is None or words[0] in tasks:
            return None
    if unchanged(place[0], state_facts(place[1], environ), exact=False) is None:
        return None
    chosen = environ.get("DXPY_CACHE_DIR")
    cache_dir = os.path.abspath(chosen) if chosen else default_cache_dir(environ)
    name = _name(texts, place[0])
    known = facts_since(script_record(cache_dir, name))
    environment = known.pop("environment", None) if known is not None else None
    if environment is None or known != state_facts(name, environ):
        return None
    if unchanged(environment, state_facts("", environ)) is None:
        return None
    try:
        prepared = prepare(environment, words, environ, over=place[0])
        return become(*prepared) if prepared is not None else None
    except OSError:
        return None  # which the full program says in words


def remember_overlay(texts: list[str], base: str, above: str, stamps: dict[str, str], cache_dir: str) -> None:
    """Record that these packages over the environment `base` are the environment `above` while files have `stamps`."""
    name = _name(texts, base)
    write_record(script_record(cache_dir, name), {**state_facts(name, os.environ), "environment": above}, stamps, 0)


def _name(texts: list[str], base: str) -> str:
    """How the record of these packages over this environment is found; the directory is what paths are relative to."""
    return without_credentials("\0".join(("with", os.getcwd(), base, *texts)))


def _taken_apart(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The packages that are given, and what comes behind."""
    texts, rest = list[str](), arguments
    while rest:
        if rest[0] in ("--with", "-w") and len(rest) > 1:
            texts, rest = [*texts, rest[1]], rest[2:]
        elif rest[0].startswith("--with="):
            texts, rest = [*texts, rest[0].partition("=")[2]], rest[1:]
        else:
            break
    return texts, rest
