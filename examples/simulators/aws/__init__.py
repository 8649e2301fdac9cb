"""Amazon's API for this stack: moto behind Amazon's own host names, over TLS.

moto (https://docs.getmoto.org) answers; what stands here is the TLS server in front of
it, the stack's content, and the way from an RDS instance to a real pair of PostgreSQL
servers. To learn what it does not do, read `KNOWN` in `front` and the table in
`source/docs/simulated-cloud.md`.

| Path | What |
|---|---|
| `/var/lib/aws/unknown.jsonl` | requests for actions that no test holds (answered 501) |
| `/run/tls/aws.crt`, `.key` | its certificate, with Amazon's names |
| `/run/aws.pid`, `/var/log/aws/aws.log` | its process; a line for each request |

Standard library, moto and werkzeug; `rds` needs psycopg instead of moto.
"""
