CREATE TABLE notifications (
    id         text PRIMARY KEY,
    org_id     text NOT NULL,
    user_id    text NOT NULL,
    channel    text NOT NULL,
    template   text NOT NULL,
    payload    jsonb NOT NULL,
    status     text NOT NULL,
    created_at timestamp DEFAULT now()
);

CREATE TABLE notification_attempts (
    id              text PRIMARY KEY,
    notification_id text NOT NULL,
    attempt_number  integer NOT NULL,
    status          text NOT NULL,
    error           text,
    created_at      timestamp DEFAULT now()
);

CREATE TABLE notification_preferences (
    id         text PRIMARY KEY,
    user_id    text NOT NULL,
    channel    text NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    frequency  text NOT NULL,
    created_at timestamp DEFAULT now()
);
