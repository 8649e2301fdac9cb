"""What stands for the pager: writes each alert that Alertmanager sends as a line of JSON.

`python3 -m reliability.receiver PORT FILE`. It calls nobody, and knows no acknowledging.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def lines(body: dict[str, Any]) -> list[str]:
    """One line for each alert of a notification (Alertmanager's webhook, version 4)."""
    return [
        json.dumps(
            {
                "status": each["status"],
                "alert": each["labels"]["alertname"],
                "severity": each["labels"].get("severity", ""),
                "receiver": body["receiver"],
                "summary": each["annotations"].get("summary", ""),
                "runbook_url": each["annotations"].get("runbook_url", ""),
                "startsAt": each["startsAt"],
                "endsAt": each["endsAt"],
            }
        )
        for each in body["alerts"]
    ]


def serve(port: int, file: Path) -> None:
    """Answers until it is ended."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with file.open("a", encoding="utf-8") as out:
                out.writelines(f"{line}\n" for line in lines(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
