CREATE TABLE event_outbox (
    id            bigserial PRIMARY KEY,
    event_name    text NOT NULL,
    event_version smallint NOT NULL DEFAULT 1,
    payload       jsonb NOT NULL,
    meta          jsonb NOT NULL DEFAULT '{}',
    occurred_at   timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    retry_count   smallint NOT NULL DEFAULT 0,
    max_retries   smallint NOT NULL DEFAULT 5,
    last_error    text,
    CONSTRAINT chk_event_outbox_retry_count CHECK (retry_count >= 0),
    CONSTRAINT chk_event_outbox_max_retries CHECK (max_retries > 0),
    CONSTRAINT chk_event_outbox_event_name CHECK (length(event_name) > 0)
);
CREATE INDEX idx_event_outbox_unpublished ON event_outbox (id) WHERE published_at IS NULL;
