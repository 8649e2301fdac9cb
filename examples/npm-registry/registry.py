"""Stands in for npm's registry: hands out the packages of the project's locks, as published.

usage: bin/npm-registry FOLDER [--port N]
  FOLDER: `packages.json` (by name and version, what the locks say) and `<sha512>.tgz`

It answers what `npm ci` asks: the description of a package and its file. It has no
search, no logins and no other versions. npm compares each file with the hash in the lock.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import socket
import ssl
import urllib.parse
from pathlib import Path
from typing import Any

_SAID_BY_LOCK = ("bin", "cpu", "dependencies", "engines", "libc", "optionalDependencies", "os",
                 "peerDependencies", "peerDependenciesMeta")  # fmt: skip


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    folder: Path
    unknown: Path
    packages: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        """Answers with a description or a file."""
        path = urllib.parse.unquote(self.path.partition("?")[0]).lstrip("/")
        if path == "-/ping":
            self._send(b"{}", "application/json")
        elif path.startswith("-/files/") and (file := self.folder / path[8:]).is_file():
            self._send(file.read_bytes(), "application/octet-stream")
        elif path in self.packages:
            self._send(json.dumps(self._description(path)).encode(), "application/json")
        else:
            with self.unknown.open("a") as known:
                known.write(json.dumps({"method": "GET", "path": self.path}) + "\n")
            self._send(b'{"error": "Not found"}', "application/json", 404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing: a checkout asks for hundreds of files."""

    def _description(self, name: str) -> dict[str, Any]:
        address = f"https://{self.headers['Host']}/-/files/"
        versions = {
            version: {
                "name": name,
                "version": version,
                **{key: entry[key] for key in _SAID_BY_LOCK if key in entry},
                "dist": {
                    "tarball": f"{address}{entry['sha512']}.tgz",
                    "integrity": entry["integrity"],
                },
            }
            for version, entry in self.packages[name].items()
        }
        return {"name": name, "dist-tags": {"latest": list(versions)[-1]}, "versions": versions}

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Listens until it is told to end."""
    parser = argparse.ArgumentParser(prog="npm-registry")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=443)
    said = parser.parse_args()
    name = socket.gethostname()
    Handler.folder = said.folder
    Handler.unknown = Path(os.environ["HOME"], "unknown.jsonl")
    Handler.unknown.parent.mkdir(parents=True, exist_ok=True)
    Handler.unknown.touch()
    Handler.packages = json.loads((said.folder / "packages.json").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"/run/tls/{name}.crt", f"/run/tls/{name}.key")
    server = http.server.ThreadingHTTPServer((name, said.port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
