ALTER TABLE notification_attempts
    ADD CONSTRAINT notification_attempts_unique_attempt UNIQUE (notification_id, attempt_number);
