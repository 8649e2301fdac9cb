ALTER TABLE subscriptions
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC',
    ALTER COLUMN grace_until TYPE timestamptz USING grace_until AT TIME ZONE 'UTC';
ALTER TABLE org_usage
    ALTER COLUMN updated_at TYPE timestamptz USING updated_at AT TIME ZONE 'UTC';
ALTER TABLE system_flags
    ALTER COLUMN updated_at TYPE timestamptz USING updated_at AT TIME ZONE 'UTC';
ALTER TABLE usage_alerts
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE publishing_dlq
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE content_items
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';

ALTER TABLE subscriptions
    DROP CONSTRAINT subscriptions_org_id_fkey,
    ADD CONSTRAINT subscriptions_org_id_fkey
        FOREIGN KEY (org_id) REFERENCES organizations ON DELETE CASCADE,
    DROP CONSTRAINT subscriptions_plan_id_fkey,
    ADD CONSTRAINT subscriptions_plan_id_fkey
        FOREIGN KEY (plan_id) REFERENCES plans ON DELETE SET NULL;
ALTER TABLE usage_alerts
    DROP CONSTRAINT usage_alerts_org_id_fkey,
    ADD CONSTRAINT usage_alerts_org_id_fkey
        FOREIGN KEY (org_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE publishing_dlq ADD CONSTRAINT publishing_dlq_publishing_job_id_fkey
    FOREIGN KEY (publishing_job_id) REFERENCES publishing_jobs ON DELETE CASCADE;
ALTER TABLE content_revisions ADD CONSTRAINT content_revisions_content_id_fkey
    FOREIGN KEY (content_id) REFERENCES content_items ON DELETE CASCADE;

CREATE INDEX idx_publishing_jobs_domain_status
    ON publishing_jobs (domain_id, status, created_at DESC);
CREATE INDEX idx_content_revisions_content_created
    ON content_revisions (content_id, created_at DESC);
CREATE INDEX idx_notifications_user_status
    ON notifications (user_id, status, created_at DESC);
