"""`dxpy pip show`, `check` and `inspect`, in the forms of pip.

Sources: https://pip.pypa.io/en/stable/cli/pip_show/ and https://pip.pypa.io/en/stable/cli/pip_check/
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from dxpy_async.cli.output import Output, printable
from dxpy_async.cli.pip_lists import chosen_inventory
from dxpy_async.cli.pip_report import inspect_text
from dxpy_async.core.names import normalize
from dxpy_async.engine.consistency import broken_requirements
from dxpy_async.errors import UsageError
from dxpy_async.installer.inventory import Inventory, InventoryItem, required_by
from dxpy_async.installer.ownership import read_rows


def run(arguments: argparse.Namespace, output: Output) -> int:
    environment, inventory = chosen_inventory(arguments)
    markers = environment.interpreter.target.markers
    match arguments.action:
        case "check":
            return _check(inventory, markers, output)
        case "inspect":
            output.data(inspect_text(inventory, environment))
            return 0
        case _:
            return _show(arguments, inventory, markers, output)


def _check(inventory: Inventory, markers: Mapping[str, str], output: Output) -> int:
    lines = [str(each) for each in broken_requirements(inventory, markers)]
    output.data(printable("\n".join(lines)) if lines else "No broken requirements found.")
    return 1 if lines else 0


def _show(arguments: argparse.Namespace, inventory: Inventory, markers: Mapping[str, str], output: Output) -> int:
    if not arguments.packages:
        raise UsageError("there is nothing to show", hints=("name packages: `dxpy pip show NAME`",))
    wanted = [normalize(name) for name in arguments.packages]
    if missing := sorted(name for name in wanted if name not in inventory):
        output.warn(f"Package(s) not found: {', '.join(missing)}")
    found = [inventory[name] for name in dict.fromkeys(wanted) if name in inventory]
    needing = required_by(inventory, markers)
    texts = ["\n".join(_lines(item, needing.get(item.project, []), markers, arguments)) for item in found]
    if texts:
        output.data(printable("\n---\n".join(texts)))
    return 0 if found else 1


def _lines(
    item: InventoryItem, needing: list[InventoryItem], markers: Mapping[str, str], arguments: argparse.Namespace
) -> Iterator[str]:
    yield f"Name: {item.name}"
    yield f"Version: {item.version}"
    yield f"Summary: {item.field('summary')}"
    yield f"Home-page: {item.field('home-page') or _home_page(item)}"
    yield f"Author: {item.field('author')}"
    yield f"Author-email: {item.field('author-email')}"
    if expression := item.field("license-expression"):
        yield f"License-Expression: {expression}"
    else:
        yield f"License: {item.field('license').partition(chr(10))[0]}"
    yield f"Location: {item.site}"
    if item.editable_path is not None:
        yield f"Editable project location: {item.editable_path}"
    required = [each.name for each in item.required(markers)]
    yield f"Requires: {', '.join(sorted(required))}"
    yield f"Required-by: {', '.join(sorted(each.name for each in needing))}"
    if arguments.verbose:
        yield f"Metadata-Version: {item.field('metadata-version')}"
        yield f"Installer: {item.distribution.installer}"
        yield from ("Classifiers:", *(f"  {each}" for each in item.headers.get("classifier", ())))
        yield from ("Project-URLs:", *(f"  {each}" for each in item.headers.get("project-url", ())))
    if arguments.files:
        yield "Files:"
        rows = read_rows(str(item.distribution.directory))
        if rows is None:
            yield "  Cannot locate RECORD or installed-files.txt"
        yield from (f"  {row.path}" for row in sorted(rows or ()))


def _home_page(item: InventoryItem) -> str:
    """What newer metadata say among the URLs of the project."""
    for text in item.headers.get("project-url", ()):
        label, _, url = text.partition(",")
        if label.strip().lower().replace("-", "").replace(" ", "") == "homepage":
            return url.strip()
    return ""
