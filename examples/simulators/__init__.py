"""Simulated services: they stand in for what is not ours.

A drill can so use a service and see what was doubled or lost. Python's standard
library is enough. What they share stands here; each kind is a package: `targets`.
To add one: a class that is a `messages.Simulator`, a line in `known`, a service in
`compose.yaml` with `simulated: true` and `unknown`, and its secret.

Files of a running simulator:

| Path | What |
|---|---|
| `/var/lib/<kind>/accepted.jsonl` | what it accepted, one record a line, flushed to disk |
| `/var/lib/<kind>/plugins/after-save.d/*` | programs run when something is saved but not answered |
| `/var/lib/<kind>/unknown.jsonl` | requests for routes that are not simulated (answered 501) |
| `/run/secrets/<name>` | its clients' password or token; read at each request |
| `/run/tls/<host>.crt`, `.key` | its certificate |
| `/run/<kind>.pid`, `/var/log/<kind>/<kind>.log` | first process; a line for each request |

`GET /_drillbook/accepted?prefix=P` and `GET /_drillbook/unknown` belong to the
drill, not to the services: they count the accepted keys and list the unknown
routes, without authentication.

A plugin gets POST_ID, POST_KEY and POST_SITE in its environment and is a child of
the process that serves the request: one that sleeps makes a slow service, one that
fails makes an error after the saving, and one that kills its parent drops the
connection.
"""
