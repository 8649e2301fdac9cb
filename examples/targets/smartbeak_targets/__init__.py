"""Simulated publish targets: a WordPress-like and a LinkedIn-like endpoint.

They stand in for services that are not ours, so that a drill can publish, and so
that a doubled or a lost post is seen. Python's standard library is enough.

Files of a running target:

| Path | What |
|---|---|
| `/var/lib/target/accepted.jsonl` | what it accepted, one record a line, flushed to disk |
| `/var/lib/target/plugins/after-save.d/*` | programs run when a post is saved but not answered |
| `/var/lib/target/rate` | `POSTS SECONDS`: how many posts LinkedIn takes in how long |
| `/var/lib/target/unknown.jsonl` | requests for routes that are not simulated (answered 501) |
| `/run/secrets/wordpress`, `linkedin` | application password, bearer token; read at each request |
| `/run/tls/<host>.crt`, `.key` | its certificate |
| `/run/target.pid`, `/var/log/target/target.log` | first process; a line for each request |

A post's key, by which the drill counts it, is what the client calls the post: in
WordPress the slug that was asked for; in LinkedIn the last part of the link that
the post carries (`content.article.source`, else the last link in the commentary).

`GET /_drillbook/accepted?prefix=P` and `GET /_drillbook/unknown` belong to the
drill, not to the services: they count the accepted keys and list the unknown
routes, without authentication.

A plugin gets POST_ID, POST_KEY and POST_SITE in its environment and is a child of
the process that serves the request: one that sleeps makes a slow target, one that
fails makes an error after the post was saved, and one that kills its parent drops
the connection.
"""
