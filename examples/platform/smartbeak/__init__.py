"""The reference platform: a small stand-in for SmartBeak's three processes.

It has SmartBeak's tables, routes, roles, answers, Redis keys, queues and webhook
rules, so that the commands of a runbook meet what they would meet in production.
`../facts.yaml` says of each name where it was read, what is ours, and which defects
of the platform are mended here.

| Process | Start | What |
|---|---|---|
| control plane | `python3 -m smartbeak.api` | HTTP API under `/v1`, health, metrics, OpenAPI |
| web host | `python3 -m smartbeak.web` | webhooks of Stripe, Paddle and Clerk, metrics, OpenAPI |
| worker | `python3 -m smartbeak.worker` | publishes the content of one region's queue |

| Modules | Subject |
|---|---|
| `settings`, `logs`, `metrics` | what a process is told, and what it says |
| `database`, `sequences`, `store`, `locks` | PostgreSQL and Redis |
| `queues`, `bull`, `storage` | the queues in Redis, and addresses to upload to |
| `tokens`, `roles`, `limits`, `gate` | who may do what, and how often |
| `access`, `shapes`, `errors`, `handlers` | what goes over HTTP |
| `probes`, `reports`, `content`, `media`, `plans`, `publishing`, `admin` | the API's routes |
| `deliveries`, `events`, `signatures`, `webhooks`, `once`, `billing`, `accounts` | the web host's |
| `jobs`, `publisher`, `targets`, `breaker`, `summary` | a publishing job and its way |
| `api`, `web`, `worker`, `serving`, `openapi` | the programs |
| `clock`, `health`, `lean` | whether a process keeps up, works, and stays small |
"""
