CREATE TABLE publishing_dlq (
    id                text PRIMARY KEY,
    publishing_job_id text NOT NULL,
    region            text NOT NULL,
    reason            text NOT NULL,
    created_at        timestamp DEFAULT now()
);
