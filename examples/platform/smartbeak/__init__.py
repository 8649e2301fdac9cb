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

| Package | Subject | May import |
|---|---|---|
| `process` | what a process is told, what it says, whether it keeps up and stays small | |
| `data` | PostgreSQL, Redis, the queues in Redis, addresses to upload to | `process` |
| `http` | what goes over HTTP, by noun in `shapes`, and the server | the above |
| `access` | who may do what, and how often; the app that asks it | the above |
| `api` | the control plane's routes | the above |
| `web` | the web host's webhooks | the above, not `api` |
| `worker` | a publishing job and its way | the above, not `api` and `web` |
"""
