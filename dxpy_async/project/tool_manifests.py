"""Lists of tools that people keep: what `dxpy tool export` writes and `dxpy tool sync` takes.

    [tools]
    ruff = "==0.6.0"
    httpie = "*"
    black = { version = ">=24", extras = ["d"], with = ["black-extras"], python = "3.12" }
    own = { url = "git+https://host/own@v1" }

Further keys of a tool are `with-executables-from`, and a table `options` with the flags of `dxpy tool install`, by
their names: `options = { index-url = "https://packages.example/simple" }`.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from dxpy_async.core import parsers
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import InvalidProject, InvalidToolFile
from dxpy_async.formats.toml_writer import inline_value
from dxpy_async.project.toml_reader import TomlReader, kind_of
from dxpy_async.project.tool_receipts import ToolSpec
from dxpy_async.resolver.hints import without_credentials

_HEAD = "# `dxpy tool sync FILE` installs these tools.\n\n[tools]\n"
_ANY = "*"
_OPERATORS = ("=", "<", ">", "!", "~")
_KEYS = ("version", "extras", "url", "with", "with-executables-from", "python", "options")


class ToolManifest(NamedTuple):
    """A list of tools, by name."""

    tools: tuple[ToolSpec, ...]


def write_manifest(manifest: ToolManifest) -> bytes:
    """The text of a list, a tool a line; `read_manifest` gives the same value back, but for credentials."""
    lines = (f"{spec.name} = {inline_value(_entry(spec))}\n" for spec in manifest.tools)
    return without_credentials(_HEAD + "".join(lines)).encode()


def _entry(spec: ToolSpec) -> object:
    requirement = spec.requirement
    version = requirement.specifier or _ANY
    entry: dict[str, object] = {"url": requirement.url} if requirement.url else {"version": version}
    if requirement.extras:
        entry["extras"] = list(requirement.extras)
    if spec.besides:
        entry["with"] = [str(each) for each in spec.besides]
    if spec.commands_from:
        entry["with-executables-from"] = list(spec.commands_from)
    if spec.python is not None:
        entry["python"] = spec.python
    if spec.options:
        entry["options"] = {name.replace("_", "-"): value for name, value in spec.options.items()}
    return entry["version"] if entry.keys() == {"version"} else entry


def read_manifest(content: bytes, file: Path) -> ToolManifest:
    """Read a list. Raises InvalidToolFile, which names the line."""
    try:
        return _ManifestReader(content, file).manifest()
    except InvalidProject as error:
        raise InvalidToolFile(error.file, error.reason, line=error.line, hints=error.hints()) from error


class _ManifestReader(TomlReader):
    def manifest(self) -> ToolManifest:
        if "tools" not in self._document:
            self._refuse("it has no table `[tools]`")
        tools = self._table(self._document, "tools", "tools")
        specs: dict[ProjectName, ToolSpec] = {}
        for key, value in tools.items():
            if not is_valid_name(key):
                self._refuse(f"`{key}` is not the name of a package", line=self._line_of_key(f"tools.{key}"))
            spec = self._spec(key, value)
            if spec.name in specs:
                self._refuse(f"it has `{spec.name}` twice", line=self._line_of_key(f"tools.{key}"))
            specs[spec.name] = spec
        return ToolManifest(tuple(specs[name] for name in sorted(specs)))

    def _spec(self, key: str, value: object) -> ToolSpec:
        where = f"tools.{key}"
        if isinstance(value, str):
            value = {"version": value}
        if not isinstance(value, dict):
            self._refuse(f"`{where}` must be a string or a table, not {kind_of(value)}", line=self._line_of_key(where))
        for name in value:
            if name not in _KEYS:
                close = get_close_matches(name, _KEYS, 1)
                hints = (f"did you mean `{close[0]}`?",) if close else (f"it can have {', '.join(_KEYS)}",)
                self._refuse(f"`{where}` has no key `{name}`", line=self._line_of_key(where), hints=hints)
        options = self._table(value, "options", f"{where}.options")
        return ToolSpec(
            requirement=self._tool_requirement(key, value, where),
            besides=self._requirements(value, "with", f"{where}.with"),
            commands_from=tuple(map(normalize, self._strings(value, "with-executables-from", where))),
            python=self._string(value, "python", f"{where}.python"),
            options={name.replace("-", "_"): option for name, option in options.items()},
        )

    def _tool_requirement(self, key: str, value: dict[str, Any], where: str) -> Requirement:
        version, url = self._string(value, "version", f"{where}.version"), self._string(value, "url", f"{where}.url")
        if version is not None and url is not None:
            self._refuse(f"`{where}` has both a version and a url", line=self._line_of_key(where))
        if version is not None and version != _ANY and version[:1] not in _OPERATORS:
            hint = f"write `=={version}`" if version[:1].isdigit() else "a version is like `==1.2`, `>=1,<2` or `*`"
            self._refuse(f"`{where}` is `{version}`", line=self._line_of_key(where), hints=(hint,))
        extras = ",".join(self._strings(value, "extras", f"{where}.extras"))
        name = f"{key}[{extras}]" if extras else key
        text = f"{name} @ {url}" if url is not None else f"{name}{'' if version in (None, _ANY) else version}"
        try:
            return parse_requirement(text)
        except parsers.requirements.InvalidRequirement:
            self._refuse(f"`{text}` is not a requirement", line=self._line_of_key(where))
