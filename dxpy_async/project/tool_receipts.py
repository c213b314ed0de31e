"""Receipts: what was asked for when a tool was installed, kept in its environment, so that it can be upgraded.

    [tool]
    requirement = "black[d]>=24"
    version = "24.10.0"
    with = ["black-extras"]
    with-executables-from = []
    python = "3.12"
    commands = [{ name = "black", from = "black" }, { name = "blackd", from = "black" }]

    [options]
    index-url = "https://packages.example/simple"

`python` is there when one was asked for; `options` are the flags that a resolution depends on, without credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.requirements import Requirement
from dxpy_async.errors import InvalidProject, InvalidToolFile
from dxpy_async.formats.toml_writer import write_toml
from dxpy_async.project.toml_reader import TomlReader
from dxpy_async.resolver.hints import without_credentials

_HEAD = "# What dxpy knows of this tool. `dxpy tool upgrade` reads and writes it.\n"


class ToolCommand(NamedTuple):
    """A command of a tool, and the distribution that brings it."""

    name: str
    source: ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """What a tool is to be: its requirement, what is with it, whose commands it has besides its own, its Python.

    `options` are flags as `project.settings.load_settings` takes them: texts, lists of texts, True.
    """

    requirement: Requirement
    besides: tuple[Requirement, ...] = ()
    commands_from: tuple[ProjectName, ...] = ()
    python: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> ProjectName:
        return self.requirement.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReceipt:
    """An installed tool: what it was to be, and what came of it."""

    spec: ToolSpec
    version: str
    commands: tuple[ToolCommand, ...]


def write_receipt(receipt: ToolReceipt) -> bytes:
    """The bytes of a receipt; `read_receipt` gives the same value back, but for credentials."""
    spec = receipt.spec
    tool: dict[str, object] = {"requirement": str(spec.requirement), "version": receipt.version}
    if spec.besides:
        tool["with"] = [str(each) for each in spec.besides]
    if spec.commands_from:
        tool["with-executables-from"] = list(spec.commands_from)
    if spec.python is not None:
        tool["python"] = spec.python
    listed = ", ".join(f'{{ name = {_quoted(each.name)}, from = "{each.source}" }}' for each in receipt.commands)
    options = {name.replace("_", "-"): value for name, value in spec.options.items()}
    text = f"{write_toml({'tool': tool})}commands = [{listed}]\n"
    if options:
        text += "\n" + write_toml({"options": options})
    return (_HEAD + without_credentials(text)).encode()


def _quoted(text: str) -> str:
    return write_toml({"x": text}).removeprefix("x = ").rstrip("\n")


def read_receipt(content: bytes, file: Path) -> ToolReceipt:
    """Read a receipt. Raises InvalidToolFile."""
    try:
        return _ReceiptReader(content, file).receipt()
    except InvalidProject as error:
        raise InvalidToolFile(error.file, error.reason, line=error.line) from error


class _ReceiptReader(TomlReader):
    def receipt(self) -> ToolReceipt:
        tool = self._table(self._document, "tool", "tool")
        listed = tool.get("commands", [])
        if not isinstance(listed, list):
            self._refuse_commands()
        return ToolReceipt(
            spec=ToolSpec(
                requirement=self._requirement(self._required(tool, "requirement"), "tool.requirement"),
                besides=self._requirements(tool, "with", "tool.with"),
                commands_from=tuple(map(normalize, self._strings(tool, "with-executables-from", "tool"))),
                python=self._string(tool, "python", "tool.python"),
                options={
                    name.replace("-", "_"): value
                    for name, value in self._table(self._document, "options", "options").items()
                },
            ),
            version=self._required(tool, "version"),
            commands=tuple(map(self._command, listed)),
        )

    def _required(self, tool: dict[str, Any], key: str) -> str:
        text = self._string(tool, key, f"tool.{key}")
        if text is None:
            self._refuse(f"`tool.{key}` is missing")
        return text

    def _command(self, entry: object) -> ToolCommand:
        name, source = (entry.get("name"), entry.get("from")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(source, str):
            self._refuse_commands()
        return ToolCommand(name, normalize(source))

    def _refuse_commands(self) -> NoReturn:
        line = self._line_of_key("tool.commands")
        self._refuse("`tool.commands` must be an array of tables with `name` and `from`", line=line)
