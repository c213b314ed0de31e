"""Where environments for builds are in the cache, and by what a whole one is known."""

from __future__ import annotations

BUILD_ENVIRONMENTS = "build-environments-v1"
READY = "dxpy-ready"
