"""PostgreSQL, Redis, the queues in Redis, and addresses to upload to."""

from smartbeak.process import lean

# redis-py loads OpenTelemetry's metrics where they are installed, for which nobody asks.
with lean.without("opentelemetry"):
    import redis.asyncio  # noqa: F401 - before bullmq does it
