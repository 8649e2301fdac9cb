"""The commands, each group in a module that imports its clients only when it is used."""
