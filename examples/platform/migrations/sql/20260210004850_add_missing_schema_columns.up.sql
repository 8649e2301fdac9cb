ALTER TABLE content_items ADD COLUMN metadata jsonb DEFAULT '{}';
ALTER TABLE publishing_jobs
    ADD COLUMN metadata jsonb DEFAULT '{}',
    ADD COLUMN attempt_count integer NOT NULL DEFAULT 0,
    ADD COLUMN updated_at timestamptz DEFAULT now();
ALTER TABLE notification_attempts ADD COLUMN response jsonb;
ALTER TABLE notification_dlq ADD COLUMN payload jsonb;
ALTER TABLE notification_preferences ADD COLUMN channels jsonb DEFAULT '[]';
ALTER TABLE media_assets ADD COLUMN metadata jsonb DEFAULT '{}';
