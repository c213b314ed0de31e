"""The index that is measured against, served on the loopback device: quickly by nginx, or as if it were far away.

The directory is that of loopback.py, and so is the address, whoever answers there: locks and caches that were made
against one server are good for the others.

nginx, when it is installed (Debian: `apt install nginx-light`), sends what is there and asks loopback.py, on another
port, for what is not. Without nginx, loopback.py answers itself, and both tools wait for it a little longer. A network
of some length and width is always loopback.py's: it is the one that can wait.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from loopback import FILE_FRESHNESS, JSON_PAGE, PAGE_FRESHNESS

HERE = Path(__file__).resolve().parent
ENDING_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Network:
    """A way to the index: milliseconds for a round trip, and megabits a second."""

    round_trip: int
    megabits: int

    def __str__(self) -> str:
        return f"{self.round_trip} ms, {self.megabits} Mbit/s"


@contextmanager
def index_server(directory: Path, network: Network | None = None) -> Iterator[str]:
    """Serve the copy in `directory` from processes of their own; the address of the index."""
    if network is not None:
        far = ("--round-trip", str(network.round_trip), "--megabits", str(network.megabits))
        with _own_server(directory, far) as port:
            yield _address(port)
    elif (nginx := shutil.which("nginx", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")) is None:
        with _own_server(directory) as port:
            yield _address(port)
    else:
        with _own_server(directory, ("--port", "0")) as behind, _nginx(nginx, directory, behind) as port:
            yield _address(port)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}/simple"


@contextmanager
def _own_server(directory: Path, more: Sequence[str] = ()) -> Iterator[int]:
    command = [sys.executable, str(HERE / "loopback.py"), str(directory), *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            port = server.stdout.readline().strip()
            if not port:
                sys.exit("error: the loopback index does not start")
            yield int(port)
        finally:
            server.stdin.close()


@contextmanager
def _nginx(program: str, directory: Path, behind: int) -> Iterator[int]:
    port = int((directory / "port").read_text())
    configuration, log = directory / "nginx.conf", directory / "nginx.log"
    configuration.write_text(_configuration(directory, port, behind))
    log.touch()
    command = [program, "-e", str(log), "-c", str(configuration)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server, log)
            yield port
        finally:
            server.terminate()
            server.wait(ENDING_SECONDS)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except HTTPError as error:  # there is nothing at that address
            if error.headers.get("Server", "").startswith("nginx"):
                return
        except OSError:
            pass
        if server.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"error: nginx does not start:\n{log.read_text(errors='replace')[-1000:]}")


def _configuration(directory: Path, port: int, behind: int) -> str:
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    scratch = " ".join(
        f'{kind}_temp_path "{directory}/nginx-{kind}";' for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
    )
    return f"""# Written by benchmarks/servers.py.
{user} daemon off; worker_processes 2; pid "{directory}/nginx.pid"; error_log "{directory}/nginx.log";
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000; types {{ }} {scratch}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root "{directory}";
    location /simple/ {{
      try_files ${{uri}}index.json $uri/index.json @fetch;
      gzip_static on; default_type {JSON_PAGE};
      add_header Cache-Control "{PAGE_FRESHNESS}"; add_header Vary "Accept, Accept-Encoding";
    }}
    location /files/ {{
      try_files $uri @fetch;
      default_type application/octet-stream; add_header Cache-Control "{FILE_FRESHNESS}";
    }}
    location / {{ return 404; }}
    location @fetch {{ proxy_pass http://127.0.0.1:{behind}; proxy_read_timeout 600; }}
  }}
}}
"""
