"""What looks and guards ask PostgreSQL about publishing; none of it changes anything."""

from __future__ import annotations

from typing import Final, LiteralString

_SERVED: Final[LiteralString] = """
  SELECT region FROM publish_targets
  UNION SELECT region FROM publishing_jobs WHERE status IN ('pending', 'publishing')
"""

KNOWN_REGIONS: Final[LiteralString] = (
    "SELECT region FROM (" + _SERVED + ") AS served ORDER BY region DESC"
)

REGIONS: Final[LiteralString] = (
    """
SELECT region, count(*) FILTER (WHERE job.status IN ('pending', 'publishing')) AS waiting,
       extract(epoch FROM now() - min(job.created_at) FILTER (
         WHERE job.status IN ('pending', 'publishing')))::float AS oldest_s,
       count(*) FILTER (WHERE job.published_at > now() - interval '1 minute') AS published
FROM ("""
    + _SERVED
    + """) AS served
LEFT JOIN (SELECT * FROM publishing_jobs WHERE created_at > now() - interval '7 days') AS job
  USING (region)
GROUP BY region ORDER BY region DESC
"""
)

UNDONE: Final[LiteralString] = """
SELECT id AS "jobId", domain_id AS "domainId", content_id AS "contentId",
       target_id AS "targetId", region
FROM publishing_jobs WHERE status IN ('pending', 'publishing') ORDER BY created_at LIMIT %s
"""

STILL_UNDONE: Final[LiteralString] = """
SELECT id FROM publishing_jobs WHERE status IN ('pending', 'publishing') AND id = ANY(%s)
"""

# The last five attempts on each kind of target within the hour.
TARGETS: Final[LiteralString] = """
WITH last AS (
  SELECT type, count(attempt.status) AS tried,
         count(*) FILTER (WHERE attempt.status = 'failure') AS failed
  FROM (SELECT DISTINCT type FROM publish_targets) AS kind LEFT JOIN LATERAL (
    SELECT attempt.status FROM publish_attempts AS attempt
    JOIN publishing_jobs AS job ON job.id = attempt.publishing_job_id
    JOIN publish_targets AS target ON target.id = job.target_id
    WHERE target.type = kind.type AND attempt.created_at > now() - interval '1 hour'
    ORDER BY attempt.created_at DESC LIMIT 5) AS attempt ON true
  GROUP BY type
)
SELECT type, failed, tried,
       count(job.id) FILTER (WHERE job.status IN ('pending', 'publishing')) AS waiting,
       extract(epoch FROM now() - min(job.created_at) FILTER (
         WHERE job.status IN ('pending', 'publishing')))::float AS oldest_s
FROM last JOIN publish_targets AS target USING (type)
LEFT JOIN publishing_jobs AS job ON job.target_id = target.id
  AND job.created_at > now() - interval '7 days'
GROUP BY type, failed, tried ORDER BY type DESC
"""

SITES: Final[LiteralString] = """
WITH tried AS (
  SELECT coalesce(substring(target.config->>'url' FROM '//([^/]+)'), target.type) AS site,
         attempt.status, attempt.error,
         row_number() OVER (PARTITION BY target.id ORDER BY attempt.created_at DESC) AS place
  FROM publish_attempts AS attempt
  JOIN publishing_jobs AS job ON job.id = attempt.publishing_job_id
  JOIN publish_targets AS target ON target.id = job.target_id
  WHERE attempt.created_at > now() - interval '1 hour'
)
SELECT site, count(*) AS tried, count(*) FILTER (WHERE status = 'failure') AS failed,
       left((array_agg(error ORDER BY place) FILTER (WHERE status = 'failure'))[1], 120) AS error
FROM tried WHERE place <= 5 GROUP BY site ORDER BY 3 DESC LIMIT 20
"""

REASONS: Final[LiteralString] = """
SELECT CASE WHEN attempt.error ~ 'answered 40[13]' THEN 'credentials'
            WHEN attempt.error ~ 'answered 429' THEN 'limit'
            WHEN attempt.error ~ 'answered 4' THEN 'content'
            WHEN attempt.error ~ 'disabled' THEN 'disabled'
            WHEN attempt.error ~ '(stalled|taken out)' THEN 'poison'
            ELSE 'outage' END AS kind, max(attempt.created_at) AS newest, count(*)
FROM publish_attempts AS attempt
WHERE attempt.status = 'failure' AND attempt.created_at > now() - interval '1 hour'
GROUP BY 1 ORDER BY 2 DESC
"""

CURABLE: Final[LiteralString] = """
reason NOT LIKE 'job stalled%%' AND reason NOT LIKE 'taken out:%%'
  AND (error_category IN ('network', 'timeout') OR reason ~ 'answered 5[0-9][0-9]'
    OR reason = 'target is disabled')
"""

LETTERS: Final[LiteralString] = (
    """
SELECT count(*) AS total,
       count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS recent,
       count(*) FILTER (WHERE created_at > now() - interval '1 hour' AND """
    + "reason NOT LIKE 'job stalled%' AND reason NOT LIKE 'taken out:%' "
    + "AND (error_category IN ('network', 'timeout') OR reason ~ 'answered 5[0-9][0-9]' "
    + "OR reason = 'target is disabled')"
    + """) AS curable
FROM publishing_dlq
"""
)

DISABLED: Final[LiteralString] = """
SELECT type, count(*) FROM publish_targets WHERE NOT enabled GROUP BY 1 ORDER BY 1
"""

# Two jobs for the same piece on the same target within a minute: ordered twice by hand.
DOUBLED: Final[LiteralString] = """
SELECT content_id, target_id, count(*) AS jobs FROM publishing_jobs
WHERE created_at > now() - interval '1 day' AND status <> 'failed'
GROUP BY content_id, target_id, date_trunc('hour', created_at) HAVING count(*) > 1
ORDER BY 3 DESC LIMIT 100
"""

STALE: Final[LiteralString] = """
SELECT count(*) FILTER (WHERE (was.title, was.status) IS DISTINCT FROM (now.title, now.status))
FROM jsonb_to_recordset(%s::jsonb) AS was (id text, title text, status text)
LEFT JOIN content_items AS now USING (id)
"""

JOB: Final[LiteralString] = """
SELECT job.status, CASE target.type WHEN 'wordpress' THEN target.config->>'url' END AS url
FROM publishing_jobs AS job LEFT JOIN publish_targets AS target ON target.id = job.target_id
WHERE job.id = %s
"""
