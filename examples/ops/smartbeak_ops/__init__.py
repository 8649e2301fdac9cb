"""`sb`: looks at the SmartBeak platform, finds the runbook's branch, and refuses what does harm."""

VERSION = "0.1.0"
"""Version of the tool; a book names the version that it was verified with."""
