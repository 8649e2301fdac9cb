ALTER TABLE notifications
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notification_attempts
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notification_preferences
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE notification_dlq
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';

ALTER TABLE notifications
    ADD COLUMN updated_at timestamptz DEFAULT now(),
    ADD COLUMN delivery_token text,
    ADD COLUMN delivery_committed_at timestamptz,
    ADD CONSTRAINT notifications_status_check
        CHECK (status IN ('pending', 'sending', 'delivered', 'failed', 'cancelled'));
ALTER TABLE notification_attempts
    ADD CONSTRAINT notification_attempts_status_check CHECK (status IN ('success', 'failure')),
    ADD CONSTRAINT notification_attempts_notification_id_fk
        FOREIGN KEY (notification_id) REFERENCES notifications ON DELETE CASCADE;
ALTER TABLE notification_preferences
    ADD COLUMN updated_at timestamptz DEFAULT now(),
    ADD CONSTRAINT notification_preferences_channel_check
        CHECK (channel IN ('email', 'sms', 'push', 'webhook')),
    ADD CONSTRAINT notification_preferences_frequency_check
        CHECK (frequency IN ('immediate', 'daily', 'weekly')),
    ADD CONSTRAINT notification_preferences_user_channel_unique UNIQUE (user_id, channel);
ALTER TABLE notification_dlq
    ADD CONSTRAINT notification_dlq_notification_id_fk
        FOREIGN KEY (notification_id) REFERENCES notifications ON DELETE CASCADE;
