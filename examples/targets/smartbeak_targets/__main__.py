"""`python3 -m smartbeak_targets`."""

from smartbeak_targets.program import main

main()
