"""`--output-format json`: one document on stdout, and nothing else, whatever comes of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import json_schemas
import pytest
from command import Command, Result, Told, write_project
from index_server import LoopbackIndex
from json_schemas import checked, document_in
from jsonschema import Draft202012Validator

from dxpy_async.cli.json_documents import EventName
from dxpy_async.cli.json_events import LINES
from dxpy_async.engine.events import Event, Finished

pytestmark = pytest.mark.slow


def test_the_schemas_on_file_are_those_of_the_types() -> None:
    wanted = {
        json_schemas.file_name(name): json_schemas.as_text(schema) for name, schema in json_schemas.schemas().items()
    }
    there = {path.name: path.read_text() for path in json_schemas.PLACE.iterdir()}
    assert there == wanted, "run `python tests/json_schemas.py`"


def test_the_documentation_names_every_schema() -> None:
    text = (json_schemas.PLACE.parent / "json.md").read_text()
    assert [name for name in json_schemas.schemas() if f"`{name}`" not in text and f'"{name}"' not in text] == []


def test_the_schemas_are_schemas() -> None:
    for schema in json_schemas.schemas().values():
        Draft202012Validator.check_schema(schema)


def test_an_error_is_a_document_and_words(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("workspace list --output-format json", tmp_path)
    assert result.code == 2
    message, hint = f"no pyproject.toml in `{tmp_path}` or any parent directory", "run this inside a project, or name"
    assert document_in(result.out, "error") == {
        "schema": "dxpy/error/1",
        "code": "project-not-found",
        "message": message,
        "hints": [f"{hint} one with `--project DIR`"],
        "exit_code": 2,
    }
    assert result.err == f"error: {message}\n\nhint: {hint} one with `--project DIR`\n"


@pytest.mark.parametrize("form", ["--output-format=json", "--output-format json"])
def test_a_mistake_in_the_command_line_is_a_document_too(dxpy: Command, tmp_path: Path, form: str) -> None:
    result = dxpy(f"cache size {form} --frobnicate", tmp_path)
    assert (document_in(result.out, "error")["code"], result.code) == ("usage", 2)


def test_another_form_is_an_error_in_words(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("cache size --output-format yaml", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "`yaml`" in result.err
    assert "text, json, jsonl" in result.err


def test_what_is_warned_of_is_in_the_document(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", more="[tool.dxpy.sources]\nidle = { path = 'idle' }\n")
    result = dxpy("workspace list --output-format json -q", root)
    assert "`idle`" in json.loads(result.out)["warnings"][0]
    assert result.err == ""


def test_a_document_in_lines_is_one_line(dxpy: Command, tmp_path: Path) -> None:
    (line,) = dxpy("cache dir --output-format jsonl", tmp_path).out.splitlines()
    assert document_in(line, "path") == {"schema": "dxpy/path/1", "path": str(tmp_path / "cache")}


def test_the_cache_is_told_as_documents(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    root = write_project(tmp_path / "p", "safe")
    dxpy("sync", root)
    form = "--output-format json"
    (entry,) = document_in(dxpy(f"cache list {form}", root).out, "cache-list")["packages"]
    assert (entry["name"], entry["version"]) == ("safe", "2.0")
    assert document_in(dxpy(f"cache size {form}", root).out, "cache-size")["files"] > 0
    whole = {"schema": "dxpy/cache-verify/1", "checked": 1, "damaged": []}
    assert document_in(dxpy(f"cache verify {form}", root).out, "cache-verify") == whole
    would = document_in(dxpy(f"cache gc --max-size 0 --dry-run {form}", root).out, "cache-removal")
    assert (would["dry_run"], would["packages"]) == (True, [entry])
    gone = document_in(dxpy(f"cache clean safe {form}", root).out, "cache-removal")
    assert (gone["dry_run"], gone["packages"]) == (False, [entry])


def test_every_event_has_a_line_of_its_own() -> None:
    told = set(get_args(Event)) - {Finished}
    assert set(LINES) == told
    names = [name for name, *_ in LINES.values()]
    assert sorted(names) == sorted(get_args(EventName))


def lines_of(result: Result, kind: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events and the document on stdout, once they are what their schemas say."""
    *events, last = map(json.loads, result.out.splitlines())
    for event in events:
        checked(event, "event")
    return events, checked(last, kind)


def test_a_sync_in_lines_tells_its_steps_and_ends_with_the_document(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    result = dxpy("sync --output-format jsonl", root)
    events, document = lines_of(result, "sync")
    assert document["installed"] == [{"name": "safe", "version": "2.0"}]
    told = [event["event"] for event in events]
    assert [name for name in told if name in ("resolved", "stored", "linked")] == ["resolved", "stored", "linked"]
    (stored,) = (event for event in events if event["event"] == "stored")
    assert (stored["package"], stored["version"]) == ("safe", "2.0")
    arrived = max(event["received"] for event in events if event["event"] == "download-progress")
    assert arrived == (tmp_path / "wheels/safe-2.0-py3-none-any.whl").stat().st_size
    assert [event["elapsed"] for event in events] == sorted(event["elapsed"] for event in events)
    assert "Installed 1 package" in result.err


def test_a_failure_in_lines_ends_with_the_error(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "nothere")
    result = dxpy("lock --output-format jsonl", root)
    assert result.code == 1
    events, error = lines_of(result, "error")
    assert error["code"] == "no-solution", events
    assert error["message"] in result.err


def test_lock_sync_and_what_reads_the_lock_report(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    lock, environment = str(root / "dxpy.lock"), str(root / ".venv")

    def told(command: str, kind: str, code: int = 0) -> dict[str, Any]:
        result = dxpy(f"{command} --output-format json", root)
        assert result.code == code, result.err
        return document_in(result.out, kind)

    first: dict[str, Any] = {"schema": "dxpy/lock/1", "lock": lock, "changed": True, "packages": 3, "changes": []}
    assert told("lock", "lock") == first
    assert told("lock", "lock") == {**first, "changed": False}
    assert told("sync --check", "sync", 1)["changed"] is True
    assert len(told("sync", "sync")["installed"]) == 3
    unchanged = {"schema": "dxpy/sync/1", "environment": environment, "dry_run": False, "changed": False}
    assert told("sync", "sync") == {**unchanged, "installed": [], "removed": [], "kept": 3}
    nobody = {"version": None, "extra": None, "member": None}
    project = {"requirer": {**nobody, "kind": "project", "name": None}, "requirement": "web"}
    web = {**nobody, "kind": "package", "name": "web", "version": "2.0"}
    templates = {**web, "name": "templates", "version": "1.5"}
    short, last = {"requirer": web, "requirement": "safe"}, {"requirer": templates, "requirement": "safe<2"}
    assert told("why safe", "why") == {
        "schema": "dxpy/why/1",
        "releases": [{"name": "safe", "version": "1.9"}],
        "chains": [[project, short], [project, {"requirer": web, "requirement": "templates>=1"}, last]],
        "complete": True,
        "needed_by": [short, last],
    }
    (shown,) = told("lock --show templates", "lock-show")["packages"]
    assert (shown["requirements"], shown["source"]["kind"]) == (["safe<2"], "index")
    assert [package["id"] for package in told("tree --show-sizes", "tree")["packages"]] == [
        "safe==1.9",
        "templates==1.5",
        "web==2.0",
    ]
    write_project(root, "web", "nothere")
    assert told("sync --locked", "error", 1)["code"] == "stale-lock"


def test_an_import_reports_what_it_wrote(told: Told, tmp_path: Path, index: LoopbackIndex) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "requirements.txt").write_text("safe==1.9\n")
    written = {
        "schema": "dxpy/import/1",
        "file": str(root / "pyproject.toml"),
        "dry_run": False,
        "changed": True,
        "difference": '--- pyproject.toml\n+++ pyproject.toml\n@@ -0,0 +1,6 @@\n+[project]\n+name = "shop"\n'
        '+version = "0.1.0"\n+dependencies = [\n+    "safe==1.9",\n+]\n',
        "files": ["requirements.txt"],
        "left_out": [],
        "pins": "requirements.txt",
        "lock": None,
    }
    form = "--output-format json"
    would = document_in(told(f"import --dry-run --frozen {form}", root).out, "import")
    assert would == {**written, "dry_run": True}
    assert not (root / "pyproject.toml").exists()
    lock = {"lock": str(root / "dxpy.lock"), "changed": True, "packages": 1, "changes": []}
    assert document_in(told(f"import {form}", root).out, "import") == {**written, "lock": lock}
    again = document_in(told(f"import {form}", root).out, "import")
    assert (again["changed"], again["difference"], again["lock"]) == (False, "", None)
    frozen = document_in(told(f"lock --frozen {form}", root).out, "lock")
    assert frozen == {"schema": "dxpy/lock/1", **lock, "changed": False}


def test_changes_of_a_project_report_what_followed(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe<2")

    def told(command: str, kind: str) -> dict[str, Any]:
        result = dxpy(f"{command} --output-format json", root)
        assert result.code == 0, result.err
        return document_in(result.out, kind)

    told("sync", "sync")
    assert told("add --dev tool", "add") == {
        "schema": "dxpy/add/1",
        "file": str(root / "pyproject.toml"),
        "list": "dependency-groups.dev",
        "added": ["tool>=0.1"],
        "changed": [],
        "removed": [],
        "lock": {
            "lock": str(root / "dxpy.lock"),
            "changed": True,
            "packages": 2,
            "changes": [{"name": "tool", "before": None, "after": "0.1"}],
        },
        "sync": {
            "environment": str(root / ".venv"),
            "dry_run": False,
            "changed": True,
            "installed": [{"name": "tool", "version": "0.1"}],
            "removed": [],
            "kept": 1,
        },
    }
    gone = told("remove safe --no-sync", "remove")
    assert (gone["removed"], gone["sync"]) == (["safe"], None)
    assert gone["lock"]["changes"] == [{"name": "safe", "before": "1.9", "after": None}]
    assert told("add --frozen safe", "add")["lock"] is None
    (root / "job.py").write_text("print(1)\n")
    assert told("add --script job.py safe", "add")["file"] == str(root / "job.py")
    version = {"schema": "dxpy/version/1", "package_name": "webapp", "version": "0.1", "previous_version": None}
    assert told("version", "version") == version
    written = {**version, "version": "0.2", "previous_version": "0.1"}
    assert told("version --bump minor --no-sync", "version") == written


def test_what_is_begun_and_made_reports(dxpy: Command, tmp_path: Path) -> None:
    def told(command: str, kind: str) -> dict[str, Any]:
        result = dxpy(f"{command} --output-format json", tmp_path)
        assert result.code == 0, result.err
        return document_in(result.out, kind)

    begun = {"schema": "dxpy/init/1", "path": str(tmp_path / "new"), "name": "new", "workspace": None}
    assert told("init new --vcs none", "init") == begun
    assert told("init --script job.py", "init")["name"] is None
    made = told("venv env", "venv")
    assert (made["path"], made["created"]) == (str(tmp_path / "env"), True)
    assert told("venv env --allow-existing", "venv") == {**made, "created": False}
    found = told("python find", "python-find")
    assert (found["path"], found["version"]) == (made["base"], made["version"])
    pin = {"schema": "dxpy/python-pin/1", "file": str(tmp_path / ".python-version")}
    assert told("python pin 3.11", "python-pin") == {**pin, "pins": ["3.11"], "before": []}
    assert told("python pin", "python-pin") == {**pin, "pins": ["3.11"], "before": ["3.11"]}
    assert told("python pin --rm", "python-pin") == {**pin, "pins": [], "before": ["3.11"]}
    assert told("python list --only-installed", "python-list")["pythons"]
    assert told("python dir", "path")["path"]
