"""`python3 -m smartbeak.api`: serves the control plane."""

from __future__ import annotations

from smartbeak.api.control_plane import ControlPlane
from smartbeak.http import serving


def main() -> None:
    """Serves the API until a signal ends it."""
    settings = serving.start("api")
    plane = ControlPlane(settings)

    def ending() -> None:
        plane.health.draining = True

    serving.run(serving.Server(plane.served, settings, ending))


if __name__ == "__main__":
    main()
