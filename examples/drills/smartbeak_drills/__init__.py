"""The drills of this stack: its faults, its oracles, and the prober that stands for users.

The runner imports `kit` and what that needs; the prober and the clients behind some
faults run on the stack's hosts.
"""
