ALTER TABLE publishing_dlq
    ADD COLUMN error_message text,
    ADD COLUMN error_stack text,
    ADD COLUMN error_category text NOT NULL DEFAULT 'unknown',
    ADD COLUMN job_data jsonb,
    ADD COLUMN retry_count integer NOT NULL DEFAULT 0,
    ADD COLUMN org_id text;
CREATE INDEX idx_publishing_dlq_org_id ON publishing_dlq (org_id);
