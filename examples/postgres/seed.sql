-- Rows for the stack: invented, small, and the same at every start, so that a
-- page can print counts. All times count from one fixed moment. Run once after
-- the migrations, as smartbeak.
\set epoch '''2026-02-01 00:00:00+00''::timestamptz'
SET timezone = 'UTC';

INSERT INTO plans (id, name, max_domains, max_content, price_cents, features) VALUES
    ('plan_free', 'Free', 1, 25, 0, '[]'),
    ('plan_pro', 'Pro', 10, 1000, 4900, '["scheduling"]'),
    ('plan_scale', 'Scale', NULL, NULL, 19900, '["scheduling", "regions"]');

INSERT INTO organizations (id, name, stripe_customer_id, created_at)
SELECT 'org_' || n, 'Example Organization ' || n, 'cus_example' || n, :epoch + n * interval '1 day'
FROM generate_series(1, 5) AS n;

-- Four people in each organization, one for each role.
INSERT INTO users (id, email, created_at)
SELECT 'user_' || n, 'user' || n || '@example.com', :epoch + n * interval '1 hour'
FROM generate_series(1, 20) AS n;

INSERT INTO memberships (user_id, org_id, role, created_at, updated_at)
SELECT 'user_' || n, 'org_' || (n - 1) / 4 + 1,
       (ARRAY['owner', 'admin', 'editor', 'viewer'])[(n - 1) % 4 + 1],
       :epoch + n * interval '1 hour', :epoch + n * interval '1 hour'
FROM generate_series(1, 20) AS n;

INSERT INTO subscriptions (id, org_id, plan_id, status, stripe_customer_id, stripe_subscription_id,
                           current_period_start, current_period_end, created_at, updated_at)
SELECT 'sub_' || n, 'org_' || n,
       (ARRAY['plan_scale', 'plan_pro', 'plan_pro', 'plan_pro', 'plan_free'])[n],
       CASE n WHEN 4 THEN 'past_due' ELSE 'active' END,
       'cus_example' || n, 'sub_example' || n,
       :epoch, :epoch + interval '1 month', :epoch, :epoch
FROM generate_series(1, 5) AS n;

INSERT INTO domains (id, org_id, name, created_at, updated_at)
SELECT 'dom_' || n, 'org_' || (n - 1) % 5 + 1, 'site' || n || '.example.com', :epoch, :epoch
FROM generate_series(1, 10) AS n;

INSERT INTO publish_targets (id, domain_id, type, config, created_at)
SELECT 'target_' || n, 'dom_' || n, 'wordpress',
       jsonb_build_object('url', 'https://site' || n || '.example.com'), :epoch
FROM generate_series(1, 10) AS n;
-- One target of another kind, and one in another region.
INSERT INTO publish_targets (id, domain_id, type, config, region, created_at) VALUES
    ('target_11', 'dom_1', 'linkedin',
     '{"url": "https://api.linkedin.com", "author": "urn:li:organization:1"}', 'us-east-1', :epoch),
    ('target_12', 'dom_2', 'wordpress', '{"url": "https://site2.example.com"}', 'eu-west-1', :epoch);

-- 2,000 pieces of content: of ten, six are published, two drafts, one scheduled, one archived.
INSERT INTO content_items (id, domain_id, title, body, status, content_type, publish_at, archived_at,
                           created_at, updated_at)
SELECT 'content_' || n, 'dom_' || n % 10 + 1, 'Article ' || n,
       repeat('Paragraph of article ' || n || '. ', 8), status,
       CASE n % 7 WHEN 0 THEN 'review' WHEN 1 THEN 'guide' ELSE 'article' END,
       CASE WHEN status IN ('scheduled', 'published') THEN :epoch + n * interval '10 minutes' END,
       CASE WHEN status = 'archived' THEN :epoch + n * interval '10 minutes' END,
       :epoch + n * interval '5 minutes', :epoch + n * interval '10 minutes'
FROM generate_series(1, 2000) AS n,
     LATERAL (SELECT (ARRAY['published', 'published', 'published', 'published', 'published',
                            'published', 'draft', 'draft', 'scheduled', 'archived'])[(n / 10) % 10 + 1]
                     AS status) AS chosen;

INSERT INTO content_revisions (id, content_id, title, body, created_at)
SELECT 'rev_' || substr(id, 9), id, title || ' (first version)', body, created_at
FROM content_items WHERE substr(id, 9)::integer % 4 = 0;

-- One job for each published piece; every fortieth failed and waits in the dead letter queue.
INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, attempt_count, created_at,
                             published_at, updated_at)
SELECT 'job_' || number, domain_id, id, 'target_' || substr(domain_id, 5),
       CASE WHEN number % 40 = 0 THEN 'failed' ELSE 'published' END, 1, publish_at,
       CASE WHEN number % 40 <> 0 THEN publish_at + interval '30 seconds' END,
       publish_at + interval '30 seconds'
FROM content_items, LATERAL (SELECT substr(id, 9)::integer AS number) AS numbered
WHERE status = 'published';

INSERT INTO publish_attempts (id, publishing_job_id, attempt_number, status, error, created_at)
SELECT 'attempt_' || substr(id, 5), id, 1,
       CASE status WHEN 'failed' THEN 'failure' ELSE 'success' END,
       CASE status WHEN 'failed' THEN 'target answered 503' END, updated_at
FROM publishing_jobs;

INSERT INTO publishing_dlq (id, publishing_job_id, region, reason, error_message, error_category,
                            org_id, created_at)
SELECT 'dlq_' || substr(job.id, 5), job.id, job.region, 'target answered 503',
       'target answered 503', 'unknown', domain.org_id, job.updated_at
FROM publishing_jobs AS job JOIN domains AS domain ON domain.id = job.domain_id
WHERE job.status = 'failed';

INSERT INTO notifications (id, org_id, user_id, channel, template, payload, status, created_at, updated_at)
SELECT 'notification_' || n, 'org_' || (n - 1) / 40 + 1, 'user_' || (n - 1) / 10 + 1, 'email',
       'content_published', jsonb_build_object('contentId', 'content_' || n), 'delivered',
       :epoch + n * interval '1 hour', :epoch + n * interval '1 hour'
FROM generate_series(1, 200) AS n;

INSERT INTO system_flags (org_id, key, value, updated_at)
SELECT 'org_' || n, 'maintenance_mode', false, :epoch
FROM generate_series(1, 5) AS n;
