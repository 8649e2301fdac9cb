"""The worker of one region: a publishing job and its way."""
