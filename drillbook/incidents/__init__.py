"""Incidents of the book's readers: timeline, messages, post-mortem.

An incident is a folder `incidents/INC-YYYY-MM-DD-NNN/` beside the book, which git does
not keep, since it holds what is not for everybody: `timeline.md` and the messages. What is
learned from it is a page, `source/postmortems/INC-YYYY-MM-DD-NNN.md`.
"""
