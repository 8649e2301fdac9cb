DROP INDEX idx_notifications_user_status, idx_content_revisions_content_created,
    idx_publishing_jobs_domain_status;

ALTER TABLE content_revisions DROP CONSTRAINT content_revisions_content_id_fkey;
ALTER TABLE publishing_dlq DROP CONSTRAINT publishing_dlq_publishing_job_id_fkey;
ALTER TABLE usage_alerts
    DROP CONSTRAINT usage_alerts_org_id_fkey,
    ADD CONSTRAINT usage_alerts_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations;
ALTER TABLE subscriptions
    DROP CONSTRAINT subscriptions_plan_id_fkey,
    ADD CONSTRAINT subscriptions_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans,
    DROP CONSTRAINT subscriptions_org_id_fkey,
    ADD CONSTRAINT subscriptions_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations;

ALTER TABLE content_items
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE publishing_dlq
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE usage_alerts
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE system_flags
    ALTER COLUMN updated_at TYPE timestamp USING updated_at AT TIME ZONE 'UTC';
ALTER TABLE org_usage
    ALTER COLUMN updated_at TYPE timestamp USING updated_at AT TIME ZONE 'UTC';
ALTER TABLE subscriptions
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC',
    ALTER COLUMN grace_until TYPE timestamp USING grace_until AT TIME ZONE 'UTC';
