"""`dxpy config`: settings as they count, and changing what files say. Also what `--show-settings` prints."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.context import given_flags, project_around
from dxpy_async.cli.output import Output
from dxpy_async.engine.config_manager import ConfigManager, Scope
from dxpy_async.formats.toml_writer import inline_value
from dxpy_async.project.publish_settings import PUBLISH_FLAGS
from dxpy_async.project.setting_origins import EffectiveSetting, effective_settings, setting_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import ConfigGetDocument, ConfigListDocument, SettingOrigin, StatedSetting


def run(arguments: argparse.Namespace, output: Output) -> int:
    config = ConfigManager(Path(arguments.project or "."))
    match arguments.action:
        case "set":
            file = config.write(arguments.key, arguments.values, Scope(arguments.scope))
            output.say(f"Set `{arguments.key}` in {file}")
        case "unset":
            file = config.remove(arguments.key, Scope(arguments.scope))
            output.say(f"Removed `{arguments.key}` from {file}")
        case "path":
            output.path(config.place(Scope(arguments.scope)).path)
        case "get":
            return _get(setting_named(arguments.key, _settings(arguments)), output)
        case _:
            settings = _settings(arguments)
            _show([each for each in settings if arguments.all or each.value not in (None, [], {})], output)
            output.document(_document(settings))
    return 0


def show_settings(arguments: argparse.Namespace, output: Output) -> int:
    """What `--show-settings` prints in place of carrying out the command."""
    settings = _settings(arguments)
    _show([each for each in settings if each.value not in (None, [], {})], output)
    output.document(_document(settings))
    return 0


def _settings(arguments: argparse.Namespace) -> tuple[EffectiveSetting, ...]:
    publishing = {name: value for name in PUBLISH_FLAGS if (value := getattr(arguments, name, None))}
    flags = given_flags(arguments) | publishing
    return effective_settings(flags, os.environ, project_around(arguments), directory=Path.cwd())


def _get(setting: EffectiveSetting, output: Output) -> int:
    """Print it as a shell can use it: a string without quotes, a list by lines. What is not set ends with 1."""
    stated = _stated(setting)
    document: ConfigGetDocument = {"schema": "dxpy/config-get/1", **stated}
    output.document(document)
    value = setting.value
    if value is None:
        return 1
    if isinstance(value, list):
        for each in value:
            output.data(each)
    else:
        output.data(value if isinstance(value, str) else inline_value(value))
    return 0


def _show(settings: Iterable[EffectiveSetting], output: Output) -> None:
    """As TOML: each setting, and behind it where it comes from."""
    rows = [(_line(each), ", ".join(map(str, each.origins))) for each in settings]
    width = max((len(line) for line, _ in rows if len(line) < 60), default=0)
    output.data("\n".join(f"{line:{width}}  # {origin}" for line, origin in rows))


def _line(setting: EffectiveSetting) -> str:
    return f"# {setting.key} is not set" if setting.value is None else f"{setting.key} = {inline_value(setting.value)}"


def _document(settings: Iterable[EffectiveSetting]) -> ConfigListDocument:
    return {"schema": "dxpy/config-list/1", "settings": [_stated(each) for each in settings]}


def _stated(setting: EffectiveSetting) -> StatedSetting:
    origins: list[SettingOrigin] = [
        {"kind": each.kind.value, "name": each.name, "line": each.line} for each in setting.origins
    ]
    return {"key": setting.key, "value": setting.value, "origins": origins}
