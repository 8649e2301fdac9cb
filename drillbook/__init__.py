"""Run the commands of a documentation book and prove its runbooks by drills."""

__version__ = "0.1.0"
