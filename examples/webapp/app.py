"""The application: one page for people, and the same facts as JSON."""

from __future__ import annotations

import platform
from importlib.metadata import distributions

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

PAGE = Environment(autoescape=True).from_string(
    """<!doctype html>
<title>Hello from {{ python }}</title>
<ul>
{%- for name, version in installed.items() %}
  <li>{{ name }} {{ version }}</li>
{%- endfor %}
</ul>
"""
)


def facts() -> dict[str, object]:
    """The interpreter and every distribution that is installed beside this program."""
    installed = {found.name: found.version for found in distributions()}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "installed": dict(sorted(installed.items(), key=lambda item: item[0].lower()))}


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse(PAGE.render(facts()))


async def api(_: Request) -> JSONResponse:
    return JSONResponse(facts())


app = Starlette(routes=[Route("/", page), Route("/api", api)])
