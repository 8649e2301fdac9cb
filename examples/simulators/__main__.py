"""`python3 -m simulators`."""

from simulators.program import main

main()
