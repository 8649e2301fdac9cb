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
       -- What the target said; that the breaker is open only says that it went on.
       left((array_agg(error ORDER BY error LIKE 'Circuit breaker%', place)
             FILTER (WHERE status = 'failure'))[1], 120) AS error
FROM tried WHERE place <= 5 GROUP BY site ORDER BY 3 DESC LIMIT 20
"""

REASONS: Final[LiteralString] = """
SELECT CASE WHEN attempt.error ~ 'answered 40[13]' THEN 'credentials'
            WHEN attempt.error ~ 'answered 429' THEN 'limit'
            WHEN attempt.error ~ 'answered 4' THEN 'content'
            WHEN attempt.error ~ 'disabled' THEN 'disabled'
            WHEN attempt.error ~ '(stalled|taken out)' THEN 'poison'
            -- Of the worker's own host: no target is to blame.
            WHEN attempt.error ~* '(too many open files|no space left|cannot allocate memory'
              '|failure in name resolution)' THEN 'ours'
            ELSE 'outage' END AS kind, max(attempt.created_at) AS newest, count(*)
FROM publish_attempts AS attempt
WHERE attempt.status = 'failure' AND attempt.created_at > now() - interval '1 hour'
  AND attempt.error NOT LIKE 'Circuit breaker%'
GROUP BY 1 ORDER BY 2 DESC
"""

LETTERS: Final[LiteralString] = (
    """
SELECT count(*) AS total,
       count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS recent,
       count(*) FILTER (WHERE created_at > now() - interval '1 hour' AND """
    + "reason NOT LIKE 'job stalled%' AND reason NOT LIKE 'taken out:%' "
    + "AND (error_category IN ('network', 'timeout') OR reason ~ 'answered (408|429|5[0-9][0-9])' "
    + "OR reason = 'target is disabled')"
    + """) AS curable
FROM publishing_dlq
"""
)

DISABLED: Final[LiteralString] = """
SELECT type, count(*) FROM publish_targets WHERE NOT enabled GROUP BY 1 ORDER BY 1
"""

# Several jobs for the same piece on the same target that wait at the same time.
DOUBLED: Final[LiteralString] = """
SELECT content_id, target_id, count(*) AS jobs FROM publishing_jobs
WHERE status IN ('pending', 'publishing')
GROUP BY content_id, target_id HAVING count(*) > 1
ORDER BY 3 DESC LIMIT 100
"""

STALE: Final[LiteralString] = """
SELECT count(*) FILTER (WHERE (was.title, was.status) IS DISTINCT FROM (now.title, now.status))
FROM jsonb_to_recordset(%s::jsonb) AS was (id text, title text, status text)
LEFT JOIN content_items AS now USING (id)
"""

REGION_OF: Final[LiteralString] = "SELECT region FROM publishing_jobs WHERE id = %s"

ORG_OF: Final[LiteralString] = """
SELECT domain.org_id FROM publishing_jobs AS job
JOIN domains AS domain ON domain.id = job.domain_id WHERE job.id = %s
"""

# As the worker records it when it gives a job up.
_MARK: Final[LiteralString] = """
WITH given AS (SELECT %s::text AS id, %s::text AS reason), job AS (
  UPDATE publishing_jobs SET status = 'failed', updated_at = now()
  FROM given WHERE publishing_jobs.id = given.id AND status NOT IN ('published', 'failed')
  RETURNING publishing_jobs.*, given.reason
), attempt AS (
  INSERT INTO publish_attempts (id, publishing_job_id, attempt_number, status, error)
  SELECT gen_random_uuid(), job.id, 1 + (
    SELECT count(*) FROM publish_attempts WHERE publishing_job_id = job.id),
    'failure', job.reason FROM job
)"""

RECORD: Final[LiteralString] = (
    _MARK
    + """, gone AS (
  DELETE FROM publishing_dlq WHERE publishing_job_id IN (SELECT id FROM job)
)
INSERT INTO publishing_dlq (id, publishing_job_id, region, reason, error_message, error_category,
                            job_data, retry_count, org_id)
SELECT gen_random_uuid(), job.id, job.region, job.reason, job.reason, 'timeout',
       json_build_object('jobId', job.id, 'domainId', job.domain_id, 'contentId', job.content_id,
                         'targetId', job.target_id, 'region', job.region),
       job.attempt_count, domain.org_id
FROM job JOIN domains AS domain ON domain.id = job.domain_id RETURNING publishing_job_id
"""
)

RECORD_WITHOUT_LETTER: Final[LiteralString] = _MARK + " SELECT id FROM job"

LETTERS_OF: Final[LiteralString] = """
SELECT job.id, job.status, letter.org_id FROM publishing_jobs AS job
JOIN publishing_dlq AS letter ON letter.publishing_job_id = job.id WHERE job.id = ANY(%s)
"""

OLDER_DOUBLE: Final[LiteralString] = """
SELECT job.status, job.region, older.id AS older FROM publishing_jobs AS job
LEFT JOIN LATERAL (
  SELECT id FROM publishing_jobs AS other
  WHERE other.content_id = job.content_id AND other.target_id = job.target_id
    AND other.id <> job.id AND other.status <> 'failed'
    AND (other.created_at, other.id) < (job.created_at, job.id)
    AND other.created_at > job.created_at - interval '1 hour'
  ORDER BY other.created_at LIMIT 1) AS older ON true
WHERE job.id = %s
"""

DOUBLES: Final[LiteralString] = """
SELECT domain.org_id, job.id, older.id AS older, job.status
FROM publishing_jobs AS job JOIN domains AS domain ON domain.id = job.domain_id
JOIN LATERAL (
  SELECT id FROM publishing_jobs AS other
  WHERE other.content_id = job.content_id AND other.target_id = job.target_id
    AND other.id <> job.id AND other.status <> 'failed'
    AND (other.created_at, other.id) < (job.created_at, job.id)
    AND other.created_at > job.created_at - %s * interval '1 second'
  ORDER BY other.created_at LIMIT 1) AS older ON true
WHERE job.status = ANY(%s) AND job.created_at > now() - interval '1 day'
ORDER BY job.created_at LIMIT 5000
"""

FAILED: Final[LiteralString] = """
SELECT domain.org_id, job.id FROM publishing_jobs AS job
JOIN domains AS domain ON domain.id = job.domain_id
WHERE job.status = 'failed' AND EXISTS (
  SELECT FROM publish_attempts WHERE publishing_job_id = job.id AND status = 'failure'
  AND position(%s IN error) > 0 AND created_at > now() - %s::interval)
ORDER BY job.updated_at LIMIT 5000
"""

CURABLE_LETTERS: Final[LiteralString] = """
SELECT org_id, publishing_job_id AS id FROM publishing_dlq
WHERE created_at > now() - %s::interval
  AND reason NOT LIKE 'job stalled%%' AND reason NOT LIKE 'taken out:%%'
  AND (error_category IN ('network', 'timeout') OR reason ~ 'answered (408|429|5[0-9][0-9])'
    OR reason = 'target is disabled')
ORDER BY created_at LIMIT 5000
"""

CAUSES: Final[LiteralString] = """
SELECT count(*), regexp_replace(last.error, '([a-z0-9-]+\\.)+[a-z]{2,}', 'a site') AS cause,
       max(last.created_at) AS newest
FROM publishing_jobs AS job, LATERAL (
  SELECT error, created_at FROM publish_attempts
  WHERE publishing_job_id = job.id AND status = 'failure'
  ORDER BY attempt_number DESC LIMIT 1) AS last
WHERE job.status = 'failed' GROUP BY 2 ORDER BY 3 DESC LIMIT 50
"""

LATE: Final[LiteralString] = (
    "SELECT region, count(job.id) AS waiting FROM ("
    + _SERVED
    + """) AS served LEFT JOIN (
  SELECT id, region FROM publishing_jobs WHERE status IN ('pending', 'publishing')
  AND created_at < now() - %s * interval '1 second') AS job USING (region)
GROUP BY region ORDER BY region DESC
"""
)

PACE: Final[LiteralString] = """
SELECT count(*) FILTER (WHERE published_at > %s) AS done,
       count(*) FILTER (WHERE created_at > %s) AS ordered,
       count(*) FILTER (WHERE status IN ('pending', 'publishing')) AS waiting
FROM publishing_jobs
"""

SITES_OF: Final[LiteralString] = """
SELECT job.id, job.status, CASE target.type WHEN 'wordpress' THEN target.config->>'url' END AS url
FROM publishing_jobs AS job JOIN publish_targets AS target ON target.id = job.target_id
WHERE job.id = ANY(%s)
"""

# Only sites can be asked for their posts.
NEWEST: Final[LiteralString] = """
SELECT job.id FROM publishing_jobs AS job
JOIN publish_targets AS target ON target.id = job.target_id AND target.type = 'wordpress'
WHERE job.status = 'published' ORDER BY job.published_at DESC LIMIT %s
"""

RECORDABLE: Final[LiteralString] = """
SELECT job.status, job.region,
       CASE target.type WHEN 'wordpress' THEN target.config->>'url' END AS url
FROM publishing_jobs AS job LEFT JOIN publish_targets AS target ON target.id = job.target_id
WHERE job.id = %s
"""
