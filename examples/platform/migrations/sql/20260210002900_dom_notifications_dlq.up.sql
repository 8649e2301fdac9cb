CREATE TABLE notification_dlq (
    id              text PRIMARY KEY,
    notification_id text NOT NULL,
    channel         text NOT NULL,
    reason          text NOT NULL,
    created_at      timestamp DEFAULT now()
);
