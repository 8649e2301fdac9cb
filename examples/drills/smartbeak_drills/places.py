"""Hosts and paths that faults, prober and clients know; the same in both backends."""

from __future__ import annotations

from pathlib import Path

CONFIG = "/etc/smartbeak/platform.env"
"""The platform's configuration; runbooks change it."""

CHECKOUT = "/opt/smartbeak/platform"
RELEASE = "/home/operator/release"
"""Checkout of the release that is taken back, on the operator's machine."""

RELEASES = "/opt/smartbeak/faults/migrations"
"""Migrations of releases that do harm, a folder each."""

OWN_RELEASES = "/opt/smartbeak/platform/releases"
"""Migrations of releases that need them, a folder each."""

KEY = Path("/run/secrets/jwt-key-1")
"""Signs the users' tokens."""

PRIMARY, REPLICA, APP, OPERATOR, API, WEB = "db-1", "db-2", "app", "ops", "api", "web"
DATABASES = (PRIMARY, REPLICA)
"""The database hosts, the one that is meant to be primary first."""

PLATFORM = (API, WEB, "worker", "worker-eu")
"""Hosts of the platform's processes."""

API_URL = f"http://{API}:3001"
ABROAD = "abroad"
"""Where an intruder's machine is, with an address of its own."""

PUBLIC_URL = "https://api.smartbeak.com"
"""The API behind its load balancer, which the host `aws` simulates."""

WEB_URL = f"http://{WEB}:3000"

STRIPE_URL = "https://api.stripe.com"
STRIPE_PAGE = "https://checkout.stripe.com"
STRIPE, STRIPE_WAN = "stripe", "stripe-wan"
"""Hosts of the simulated Stripe and of the way to it."""

STRIPE_KEY = Path("/run/secrets/stripe-key")
"""Holds what stands behind `sk_test_` in the key of Stripe's API."""

PADDLE = "paddle"
"""Host of the simulated Paddle."""

PADDLE_URL = "https://api.paddle.com"
PADDLE_PAGE = "https://pay.paddle.io"
"""Where a customer of Paddle pays."""

PADDLE_KEY = Path("/run/secrets/paddle-key")
"""Holds the key of Paddle's API."""

OVERRIDES = "/var/lib/smartbeak/secrets"
"""Secrets that were put on a platform host by hand: they go before those of the store."""

STORE = Path("/etc/smartbeak/secrets")
"""Secrets that were rotated: they go before the ones that the stack began with."""

KUBERNETES = "kubernetes"
"""The simulated cluster, which has the names of the platform's hosts."""

CLUSTER_URL = f"https://{KUBERNETES}"
IN_CLUSTER = (API, WEB, "worker")
"""Hosts whose names the cluster has."""

AWS = "aws"
EVIDENCE = "smartbeak-security-evidence"
"""Bucket for evidence, which lets nobody delete what is in it."""

EVIDENCE_URL = f"https://s3.us-east-1.amazonaws.com/{EVIDENCE}"
VERCEL = "vercel"
SITE_URL = "https://app.smartbeak.com"
"""Where users have the web application that Vercel serves."""

MIGRATE_CHECK = "smartbeak-migrate-check"
"""Name of the pipeline's check of a release, among its arguments, where pgrep finds it."""

TARGETS = ("wordpress", "linkedin")
"""Hosts that content is published to."""

LIMITER = "smartbeak-backup-limit"
"""Name of the limiter that a backup left behind, among its arguments."""

WATCHDOG = "smartbeak-redis-watchdog"
"""Name of the watchdog that ends a Redis which loads, among its arguments."""

FORGOTTEN = "smartbeak-report-worker"
"""Name of the forgotten worker: in pg_stat_activity, CLIENT LIST and among its arguments,
where pgrep finds it."""

CPU_LIMIT = "smartbeak-cpu-limit"
"""Name of the limit that somebody left on a host, among its arguments."""
