"""JSON Schemas of the documents that commands write, made from their types.

python tests/json_schemas.py    writes them to docs/schemas, one file for each version of each
"""

from __future__ import annotations

import inspect
import json
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from jsonschema import Draft202012Validator

from dxpy_async.cli import json_documents

PLACE = Path(__file__).parent.parent / "docs" / "schemas"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every document, by what it says of itself: `dxpy/sync/1`."""
    found = {}
    for kind in vars(json_documents).values():
        hints = get_type_hints(kind) if is_typeddict(kind) else {}
        if "schema" in hints:
            (name,) = get_args(hints["schema"])
            assert name not in found, f"two documents are called {name}"
            found[name] = _of_document(name, kind)
    return found


def file_name(name: str) -> str:
    """The file of the schema `dxpy/sync/1`: `sync-1.json`."""
    _, kind, version = name.split("/")
    return f"{kind}-{version}.json"


def as_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def strictly(schema: Any) -> Any:
    """`schema` without room for keys that it does not name, as it is for those who write documents."""
    if isinstance(schema, list):
        return [strictly(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    stricter = {key: strictly(value) for key, value in schema.items()}
    closed = isinstance(schema.get("properties"), dict)
    return {**stricter, "additionalProperties": False} if closed else stricter


def checked(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """`document` without `warnings` and `seconds`, once it is what its schema says and nothing else; `sync` or so."""
    assert document.get("schema") == f"dxpy/{kind}/1", document
    Draft202012Validator(strictly(schemas()[document["schema"]])).validate(document)
    return {key: value for key, value in document.items() if key not in ("warnings", "seconds")}


def document_in(out: str, kind: str) -> dict[str, Any]:
    """The document that is all of `out`, as `checked` gives it."""
    return checked(json.loads(out), kind)


def _of_document(name: str, kind: type) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    own = _of_keys(kind, parts)
    shared = {} if name == "dxpy/event/1" else _of_keys(json_documents.Document, parts)["properties"]
    own["properties"] |= shared
    own["required"] += list(shared)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        "title": name,
        **own,
        **({"$defs": dict(sorted(parts.items()))} if parts else {}),
    }


def _of_keys(kind: type, parts: dict[str, Any]) -> dict[str, Any]:
    found = get_type_hints(kind, include_extras=True)
    hints = {key: found[key] for key in sorted(found, key=lambda key: key != "schema")}
    return {
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "type": "object",
        "properties": {key: _of(hint, parts) for key, hint in hints.items()},
        "required": [key for key, hint in hints.items() if get_origin(hint) is not NotRequired],
    }


def _of(hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _of(arguments[0], parts)
    if origin is Annotated:
        return {**_of(arguments[0], parts), "description": arguments[1]}
    if is_typeddict(hint):
        if hint.__name__ not in parts:
            parts[hint.__name__] = {}  # which ends what contains itself
            parts[hint.__name__] = _of_keys(hint, parts)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(each, parts) for each in arguments]}
    if origin is list:
        return {"type": "array", "items": _of(arguments[0], parts)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], parts)}
    return {"type": _PLAIN[hint]}


def write() -> None:
    """Write all of them, and remove what is no longer one."""
    PLACE.mkdir(exist_ok=True)
    files = {file_name(name): as_text(schema) for name, schema in schemas().items()}
    for name, text in files.items():
        (PLACE / name).write_text(text)
    for path in PLACE.glob("*.json"):
        if path.name not in files:
            path.unlink()
            print(f"removed {path.name}", file=sys.stderr)


if __name__ == "__main__":
    write()
