"""What can be seen, each look with its own time limit."""
