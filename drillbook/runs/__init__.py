"""A pytest session: items, what they share, and the account of it."""
