"""A project as setup.cfg and setup.py describe it, as far as they say it plainly, in the words of the standards.

No code is run: of setup.py only literals are read, and names that are given a literal once. What is computed there
becomes `dynamic`, so that setuptools, which reads all these files, says it.

Source: https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dxpy_async.formats.foreign_projects import ForeignProject

BUILD_SYSTEM = {"requires": ["setuptools>=61"], "build-backend": "setuptools.build_meta"}
"""The oldest setuptools that reads [project]."""
_METADATA = [
    "name",
    "version",
    "description",
    "long_description",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license",
    "keywords",
    "classifiers",
    "url",
    "project_urls",
]
_OPTIONS = ["python_requires", "install_requires", "extras_require", "entry_points", "tests_require", "setup_requires"]
_COMPUTED = object()
"""The value of what is there and is no literal."""
_LISTS = ("install_requires", "tests_require", "setup_requires", "classifiers")
_DYNAMIC = {
    "version": "version",
    "description": "description",
    "install_requires": "dependencies",
    "extras_require": "optional-dependencies",
    "entry_points": "entry-points",
    "python_requires": "requires-python",
    "classifiers": "classifiers",
    "keywords": "keywords",
}
_FILE = re.compile(r"file:\s*([^,\s]+)")
_ATTR = re.compile(r"attr:\s*(\S+)")


def read_setup_files(config: str | None, script: str | None) -> ForeignProject:
    """What the texts of setup.cfg and setup.py say, of which one may be missing. Raises ValueError in words."""
    values = {
        **(_of_script(script) if script is not None else {}),
        **(_of_config(config) if config is not None else {}),
    }
    return _Reader(values).found


def _of_config(text: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(" ".join(str(error).split())) from error
    found: dict[str, Any] = {}
    for section, keys in (("metadata", _METADATA), ("options", _OPTIONS)):
        for key in keys:
            value = parser.get(section, key, fallback=parser.get(section, key.replace("_", "-"), fallback=None))
            if value is not None:
                found[key] = _lines(value) if key in _LISTS else value.strip()
    for key in ("extras_require", "entry_points"):
        section = f"options.{key}"
        if parser.has_section(section):
            found[key] = {name: _lines(value) for name, value in parser.items(section)}
    if isinstance(found.get("project_urls"), str):
        found["project_urls"] = dict(_assigned(line) for line in _lines(found["project_urls"]))
    return found


def _lines(text: str) -> list[str]:
    parts = text.splitlines() if "\n" in text else text.split(";") if ";" in text and "://" not in text else [text]
    return [each for part in parts if (each := part.strip()) and not each.startswith("#")]


def _assigned(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def _of_script(text: str) -> dict[str, Any]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"setup.py is not Python: {error}") from error
    names: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            names[name] = _COMPUTED if name in names else _literal(statement.value, names)
    call = next((each for each in ast.walk(tree) if isinstance(each, ast.Call) and _is_setup(each.func)), None)
    if call is None:
        return {}
    known = (*_METADATA, *_OPTIONS)
    return {each.arg: _literal(each.value, names) for each in call.keywords if each.arg in known}


def _is_setup(function: ast.expr) -> bool:
    return (isinstance(function, ast.Name) and function.id == "setup") or (
        isinstance(function, ast.Attribute) and function.attr == "setup"
    )


def _literal(value: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(value, ast.Name):
        return names.get(value.id, _COMPUTED)
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _COMPUTED


class _Reader:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.found = ForeignProject(build_system=dict(BUILD_SYSTEM))
        self._dynamic: list[str] = []
        self._describe()
        self._requirements()
        self._entry_points()
        if self._dynamic:
            self.found.project["dynamic"] = self._dynamic

    def _value(self, key: str) -> Any:
        """A value that is plain; None for one that is not there, or is computed, which makes it dynamic."""
        value = self._values.get(key)
        if value is not _COMPUTED:
            return value
        if key in _DYNAMIC:
            self._dynamic.append(_DYNAMIC[key])
        else:
            self.found.leave_out(f"`{key}` of setup.py, which is computed")
        return None

    def _text(self, key: str) -> str | None:
        value = self._value(key)
        return value if isinstance(value, str) and value else None

    def _describe(self) -> None:
        project = self.found.project
        if name := self._text("name"):
            project["name"] = name
        self._version()
        if description := self._text("description"):
            project["description"] = " ".join(description.split())
        readme = self._text("long_description")
        if readme is not None and (file := _FILE.match(readme)):
            project["readme"] = file[1]
        if python := self._text("python_requires"):
            project["requires-python"] = python
        if terms := self._text("license"):
            project["license"] = {"text": terms}
        for person in ("author", "maintainer"):
            name, mail = self._text(person), self._text(f"{person}_email")
            if name or mail:
                project[f"{person}s"] = [{**({"name": name} if name else {}), **({"email": mail} if mail else {})}]
        keywords = self._value("keywords")
        if keywords:
            words = re.split(r"\s*[,\n]\s*", keywords.strip()) if isinstance(keywords, str) else list(keywords)
            project["keywords"] = words
        if classifiers := self._value("classifiers"):
            if isinstance(classifiers, list) and classifiers and (file := _FILE.match(classifiers[0])):
                self.found.leave_out(f"the classifiers in `{file[1]}`")
            else:
                project["classifiers"] = list(classifiers)
        urls = {"Homepage": url} if (url := self._text("url")) else {}
        if isinstance(more := self._value("project_urls"), dict):
            urls |= more
        if urls:
            project["urls"] = urls

    def _version(self) -> None:
        version = self._text("version")
        if version is None:
            if "version" not in self._dynamic:
                self._dynamic.append("version")
            return
        for form, key in ((_ATTR, "attr"), (_FILE, "file")):
            if given := form.match(version):
                self._dynamic.append("version")
                self.found.other["setuptools"] = {"dynamic": {"version": {key: given[1]}}}
                return
        self.found.project["version"] = version

    def _requirements(self) -> None:
        found = self.found
        for text in _texts(self._value("install_requires")):
            if file := _FILE.match(text):
                self._dynamic.append("dependencies")
                table = found.other.setdefault("setuptools", {}).setdefault("dynamic", {})
                table["dependencies"] = {"file": [file[1]]}
            else:
                found.require_text(found.dependencies, text)
        extras = self._value("extras_require")
        for key, texts in (extras if isinstance(extras, dict) else {}).items():
            extra, _, condition = key.partition(":")
            listed = found.optional.setdefault(extra, []) if extra else found.dependencies
            for text in _texts(texts):
                found.require_text(listed, _under(text, condition.strip()))
        for text in _texts(self._value("tests_require")):
            found.require_text(found.groups.setdefault("test", []), text)
        for text in _texts(self._value("setup_requires")):
            found.build_system["requires"] = [*found.build_system["requires"], text]

    def _entry_points(self) -> None:
        points = self._value("entry_points")
        if isinstance(points, str):
            parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
            parser.optionxform = str  # type: ignore[method-assign,assignment] # as its documentation says
            parser.read_string(points)
            points = {
                section: [f"{name} = {value}" for name, value in parser.items(section)] for section in parser.sections()
            }
        tables = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}
        for group, given in (points or {}).items():
            entries = dict(_assigned(line) for line in _texts(given))
            if not entries:
                continue
            if group in tables:
                self.found.project[tables[group]] = entries
            else:
                self.found.project.setdefault("entry-points", {})[group] = entries


def _texts(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield from _lines(given)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from _lines(each) if isinstance(each, str) and "\n" in each else [str(each)]


def _under(requirement: str, condition: str) -> str:
    if not condition:
        return requirement
    text, separator, marker = requirement.partition(";")
    return f"{text.strip()} ; ({marker.strip()}) and ({condition})" if separator else f"{text.strip()} ; {condition}"
