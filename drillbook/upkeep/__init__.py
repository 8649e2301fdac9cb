"""Keeping a book true: whose pages they are, when they are due, what they cover, how it went."""
