"""dxpy: a Python package and project manager whose engine is an asyncio library."""

from __future__ import annotations

from dxpy_async._version import __version__

__all__ = ["__version__"]
