ALTER TABLE notification_dlq DROP CONSTRAINT notification_dlq_notification_id_fk;
ALTER TABLE notification_preferences
    DROP CONSTRAINT notification_preferences_user_channel_unique,
    DROP CONSTRAINT notification_preferences_frequency_check,
    DROP CONSTRAINT notification_preferences_channel_check,
    DROP COLUMN updated_at;
ALTER TABLE notification_attempts
    DROP CONSTRAINT notification_attempts_notification_id_fk,
    DROP CONSTRAINT notification_attempts_status_check;
ALTER TABLE notifications
    DROP CONSTRAINT notifications_status_check,
    DROP COLUMN delivery_committed_at,
    DROP COLUMN delivery_token,
    DROP COLUMN updated_at;

ALTER TABLE notification_dlq
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notification_preferences
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notification_attempts
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notifications
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC';
