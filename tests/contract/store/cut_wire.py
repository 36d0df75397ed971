"""A wire to a PostgreSQL server that a test can cut at the worst moment: when COMMIT has reached the server."""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL, make_url


def _connected(url: URL) -> socket.socket:
    """A plain connection to the server, by its socket file or its address."""
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        host, port = connection.info.host, connection.info.port
    if host.startswith("/"):
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return found
    return socket.create_connection((host, port))


class CutWire:
    """Hands bytes through between clients and the server. `cut_at_commit` takes effect once."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._links: list[tuple[socket.socket, socket.socket]] = []
        self._is_armed = threading.Event()
        self.is_cut = threading.Event()
        self.is_down = threading.Event()
        """While it is set, new connections are closed at once, as by a server that restarts."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        wired = self._server.set(host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"})
        return wired.render_as_string(hide_password=False)

    def cut_at_commit(self, *, and_stay_down: bool = False) -> None:
        """The next COMMIT goes through to the server; its answer does not come back, and the connection breaks."""
        self._stays_down = and_stay_down
        self._is_armed.set()

    def close(self) -> None:
        self._listener.close()
        for link in self._links:
            _closed(*link)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_down.is_set():
                    _closed(client)
                    continue
                server = _connected(self._server)
                self._links.append((client, server))
                for pump in (self._to_server, self._to_client):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(65_536):
                if b"COMMIT" in piece and self._is_armed.is_set():
                    self._is_armed.clear()
                    self._deliver_and_cut(client, server, piece)
                    return
                server.sendall(piece)
        _closed(client, server)

    def _deliver_and_cut(self, client: socket.socket, server: socket.socket, piece: bytes) -> None:
        """Only when the server has answered is it certain that it has committed."""
        self._swallowed = threading.Event()
        self._swallowing = server
        server.sendall(piece)
        assert self._swallowed.wait(20)
        if self._stays_down:
            self.is_down.set()
        self.is_cut.set()
        _closed(client, server)

    _swallowing: Any = None

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(65_536):
                if self._swallowing is server:
                    self._swallowed.set()
                    return
                client.sendall(piece)
        _closed(client, server)


def _closed(*sockets: socket.socket) -> None:
    for found in sockets:
        with contextlib.suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)
        found.close()
