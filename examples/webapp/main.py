"""Serve the application on a free port of this machine, ask it for its pages, show the answers, and end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import uvicorn
from app import app
from rich.console import Console
from rich.table import Table


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The address of the running application."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            # The socket listens already: a request made before the server is ready waits for it.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    with served() as address, httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        page = client.get("/").raise_for_status()
        answer = client.get("/api").raise_for_status().json()
    title = page.text.partition("<title>")[2].partition("</title>")[0]
    table = Table("distribution", "version")
    for name, version in answer["installed"].items():
        table.add_row(name, version)
    console = Console(highlight=False)
    console.print(f"GET / answered {page.status_code} with “{title}”; beside it are installed:")
    console.print(table)


if __name__ == "__main__":
    main()
