"""`python3 -m smartbeak.api`: serves the control plane."""

from __future__ import annotations

import gc
import os

# Nothing of what is loaded here is garbage, and looking for it is a fifth of the start;
# `serving.start` switches the collector on again.
gc.disable()

from smartbeak.api.control_plane import ControlPlane  # noqa: E402 - only now
from smartbeak.http import serving  # noqa: E402 - only now
from smartbeak.process import releases  # noqa: E402 - only now


def main() -> None:
    """Serves the API until a signal ends it."""
    settings = serving.start("api")
    plane = ControlPlane(settings, releases.of(os.environ))

    def ending() -> None:
        plane.health.draining = True

    serving.run(serving.Server(plane.served, settings, ending))


if __name__ == "__main__":
    main()
