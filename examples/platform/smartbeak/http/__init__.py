"""What goes over HTTP, and the server that it goes through."""
