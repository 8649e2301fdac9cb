"""A game day: a drill's broken stack, kept open for people, with a clock and a score."""
