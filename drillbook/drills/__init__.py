"""Faults, the prober that measures them, and the verdict."""
