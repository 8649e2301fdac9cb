CREATE TABLE job_executions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_type        text NOT NULL,
    entity_id       uuid,
    idempotency_key text NOT NULL,
    attempt         integer NOT NULL DEFAULT 1,
    status          text NOT NULL,
    error           text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_type, idempotency_key)
);
CREATE INDEX idx_job_exec_entity ON job_executions (entity_id);
