"""`python3 -m smartbeak.web`: serves the web host."""

from __future__ import annotations

import gc
import os

# Nothing of what is loaded here is garbage, and looking for it is a fifth of the start;
# `serving.start` switches the collector on again.
gc.disable()

from smartbeak.http import serving  # noqa: E402 - only now
from smartbeak.process import releases  # noqa: E402 - only now
from smartbeak.web.host import WebHost  # noqa: E402 - only now


def main() -> None:
    """Serves webhooks until a signal ends it."""
    settings = serving.start("web")
    host = WebHost(settings, releases.of(os.environ))

    def ending() -> None:
        host.health.draining = True

    serving.run(serving.Server(host.served, settings, ending))


if __name__ == "__main__":
    main()
