"""`--output-format json`: one document on stdout, and nothing else, whatever comes of the command."""

from __future__ import annotations

import json
from pathlib import Path

import json_schemas
import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from json_schemas import document_in
from jsonschema import Draft202012Validator


def test_the_schemas_on_file_are_those_of_the_types() -> None:
    wanted = {
        json_schemas.file_name(name): json_schemas.as_text(schema) for name, schema in json_schemas.schemas().items()
    }
    there = {path.name: path.read_text() for path in json_schemas.PLACE.iterdir()}
    assert there == wanted, "run `python tests/json_schemas.py`"


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
