"""What an ordinary virtual environment holds, told from its directories alone: for listings, and nothing else.

Imports only what a bare interpreter has loaded already. Whatever is out of the ordinary (an editable, a damaged or a
legacy distribution, packages of the interpreter that are visible, an interpreter that is gone) gives None.
"""

from __future__ import annotations

import os

_CONFIGURATION = "pyvenv.cfg"
_HEAD_BYTES = 4096
"""In which a METADATA says the name: it stands at the top."""


def glance(root: str) -> tuple[int, list[tuple[str, str]]] | None:
    """The minor version of Python of the environment at `root`, and names, as their authors spell them, with versions.

    They are sorted without regard to case.
    """
    minor = _minor(root)
    if minor is None:
        return None
    site = f"{root}/lib/python3.{minor}/site-packages"
    found: dict[str, tuple[str, str]] = {}
    for name in os.listdir(site):
        if name.endswith((".egg-info", ".egg-link", ".egg")):
            return None
        if not name.endswith(".dist-info"):
            continue
        pin = _pin(f"{site}/{name}", name)
        if pin is None or (key := _key(pin[0])) in found:
            return None
        found[key] = pin
    return minor, sorted(found.values(), key=lambda pin: pin[0].lower())


def _minor(root: str) -> int | None:
    """The minor version of an environment that is laid out as on POSIX and sees nothing but its own packages."""
    try:
        with open(f"{root}/{_CONFIGURATION}", encoding="utf-8") as file:
            lines = [line.partition("=") for line in file]
    except (OSError, ValueError):
        return None
    said = {key.strip().lower(): value.strip() for key, _, value in lines}
    if said.get("include-system-site-packages", "").lower() != "false" or not os.path.exists(f"{root}/bin/python"):
        return None
    versions = [name for name in os.listdir(f"{root}/lib") if name.startswith("python")] if said.get("home") else []
    minor = versions[0].removeprefix("python3.") if len(versions) == 1 else ""
    is_own = not os.path.lexists(f"{root}/lib64") or os.path.islink(f"{root}/lib64")
    there = os.path.isdir(f"{root}/lib/python3.{minor}/site-packages")
    version = said.get("version_info") or said.get("version", "")
    return int(minor) if is_own and there and minor.isdigit() and version.startswith(f"3.{minor}.") else None


def _pin(directory: str, name: str) -> tuple[str, str] | None:
    try:
        files = os.listdir(directory)
        if "direct_url.json" in files or not os.path.getsize(f"{directory}/RECORD"):
            return None
        with open(f"{directory}/METADATA", "rb") as file:
            head = file.read(_HEAD_BYTES).split(b"\n\n")[0].decode("ascii", "replace").splitlines()
    except OSError:
        return None
    project, dash, version = name.removesuffix(".dist-info").rpartition("-")
    spelled = next((line[5:].strip() for line in head if line[:5].lower() == "name:"), "")
    key = _key(spelled)
    plain = key.replace("-", "")
    if not (dash and version and _key(project) == key and plain.isascii() and plain.isalnum()):
        return None
    return spelled, version.replace("_", "-")


def _key(name: str) -> str:
    """What spellings of a name have in common; the rule itself, for runs of separators too, takes importing `re`."""
    return name.lower().replace("_", "-").replace(".", "-")
