"""What decides whether users are served."""
