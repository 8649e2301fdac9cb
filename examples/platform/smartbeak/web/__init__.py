"""The web host: webhooks of Stripe, Paddle and Clerk."""
