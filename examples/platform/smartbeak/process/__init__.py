"""What every process has: what it is told, what it says, whether it keeps up."""
