"""What a command with the engine loads, and in which order: nothing that waits for what need not be waited for."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

_LOADED = """
import os, ssl, sys
from pathlib import Path

from dxpy_async.cli import add_command, engine_run, lock_command, sync_command
from dxpy_async.core.settings import Settings
from dxpy_async.index.tls import trusting_system

early = {name for name in ("aiohttp", "dxpy_async.engine.engine") if name in sys.modules}
before = os.environ.get("SSL_CERT_FILE")

async def use(engine):
    return "used"

used = engine_run.run_engine(Settings(cache_dir=Path(sys.argv[1])), use)
print(used, early, os.environ.get("SSL_CERT_FILE") == before)
from aiohttp import connector
print(connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509"], connector._SSL_CONTEXT_VERIFIED.verify_mode.name)
print(trusting_system().cert_store_stats() == ssl.create_default_context().cert_store_stats())
"""


def test_the_engine_is_loaded_when_it_is_run_and_reads_no_certificates_twice(tmp_path: Path) -> None:
    for environ in ({}, {"SSL_CERT_FILE": ssl.get_default_verify_paths().openssl_cafile}):
        ran = subprocess.run(
            [sys.executable, "-c", _LOADED, str(tmp_path)],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.stdout, ran.stderr) == ("used set() True\n0 CERT_REQUIRED\nTrue\n", "")
