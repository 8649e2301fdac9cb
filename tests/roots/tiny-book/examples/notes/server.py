"""Keeps a shop's notes: POST adds one, GET lists them; both want the shop's token."""

import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STORE = Path("/var/lib/notes/notes.txt")
TOKEN = Path("/run/secrets/token").read_text().strip()
PORT = 8080


class Notes(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Adds a note."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            with STORE.open("a") as store:
                store.write(f"{text}\n")
                store.flush()
                os.fsync(store.fileno())
        except OSError as error:
            self.answer(503, f"not saved: {error.strerror}")
        else:
            self.answer(201, "saved")

    def do_GET(self) -> None:
        """Lists the notes."""
        self.answer(200, STORE.read_text())

    def answer(self, status: int, text: str) -> None:
        """Answers, unless the token is missing."""
        if self.headers["Authorization"] != TOKEN:
            status, text = 401, "no token"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def check() -> None:
    """Asks the server for its notes."""
    request = urllib.request.Request(f"http://notes:{PORT}/", headers={"Authorization": TOKEN})
    with urllib.request.urlopen(request, timeout=30) as answer:
        print(answer.status)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        STORE.touch()
        Path("/run/notes.pid").write_text(str(os.getpid()))
        ThreadingHTTPServer(("notes", PORT), Notes).serve_forever()
