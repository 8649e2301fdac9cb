CREATE TABLE publish_executions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    intent_id   uuid NOT NULL CONSTRAINT fk_pe_intent REFERENCES publish_intents,
    attempt     integer NOT NULL,
    status      text NOT NULL,
    external_id text,
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_publish_exec_intent ON publish_executions (intent_id);
