ALTER TABLE media_assets DROP COLUMN metadata;
ALTER TABLE notification_preferences DROP COLUMN channels;
ALTER TABLE notification_dlq DROP COLUMN payload;
ALTER TABLE notification_attempts DROP COLUMN response;
ALTER TABLE publishing_jobs
    DROP COLUMN updated_at,
    DROP COLUMN attempt_count,
    DROP COLUMN metadata;
ALTER TABLE content_items DROP COLUMN metadata;
