"""Runs `sb` as `python3 -m smartbeak_ops`."""

from smartbeak_ops.cli import main

main()
