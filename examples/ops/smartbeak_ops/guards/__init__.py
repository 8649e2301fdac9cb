"""Guards: each lets a change through, or refuses it and says why."""
