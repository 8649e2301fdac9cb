"""Names that the facts list, held against what the running stack has."""
