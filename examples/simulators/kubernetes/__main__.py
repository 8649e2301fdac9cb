"""`python3 -m simulators.kubernetes`."""

from simulators.kubernetes.program import main

main()
