"""PostgreSQL, Redis, the queues in Redis, and addresses to upload to."""
