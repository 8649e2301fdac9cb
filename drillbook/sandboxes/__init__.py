"""Where scenarios run: the stack, its hosts and their agents, on two backends."""
