"""Services that host a part of the platform."""
