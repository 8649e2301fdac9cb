"""Decisions about architecture: records as pages, what is wrong with one, the next one."""
