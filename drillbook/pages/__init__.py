"""What a page says: blocks, options, scenarios, and the rules they keep."""
