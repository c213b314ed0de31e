"""scripts/uv_page.py, which brings docs/uv.md up to date with what the parser takes."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[1] / "scripts" / "uv_page.py"
PAGE = SCRIPT.parents[1] / "docs" / "uv.md"


def renewed() -> Callable[[str], str]:
    names: dict[str, Any] = runpy.run_path(str(SCRIPT))
    found: Callable[[str], str] = names["renewed"]
    return found


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text()
    assert renewed()(text) == text, "run scripts/uv_page.py"


def test_flags_move_to_where_they_belong_and_keep_their_reasons() -> None:
    page = (
        "### uv self version\n\n`dxpy self version`\n\n- same: `--gone`\n- differs: `--x`: in a way\n"
        "- not there: `--short` `--a` (why (not));\n  `--b`; `--c` (because)\n\n### uv other\n\nNot there.\n"
    )
    assert renewed()(page) == (
        "### uv self version\n\n`dxpy self version`\n\n- same: `--short`\n- differs: `--x`: in a way\n"
        "- not there: `--a` (why (not)); `--b` `--gone`; `--c` (because)\n\n### uv other\n\nNot there.\n"
    )
