"""`python3 -m smartbeak.web`: serves the web host."""

from __future__ import annotations

from smartbeak.http import serving
from smartbeak.web.host import WebHost


def main() -> None:
    """Serves webhooks until a signal ends it."""
    settings = serving.start("web")
    host = WebHost(settings)

    def ending() -> None:
        host.health.draining = True

    serving.run(serving.Server(host.served, settings, ending))


if __name__ == "__main__":
    main()
