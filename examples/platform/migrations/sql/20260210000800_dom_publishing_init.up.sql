CREATE TABLE publish_targets (
    id         text PRIMARY KEY,
    domain_id  text NOT NULL,
    type       text NOT NULL,
    config     jsonb NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    created_at timestamp DEFAULT now()
);

CREATE TABLE publishing_jobs (
    id           text PRIMARY KEY,
    domain_id    text NOT NULL,
    content_id   text NOT NULL,
    target_id    text NOT NULL,
    status       text NOT NULL,
    created_at   timestamp DEFAULT now(),
    published_at timestamp
);

CREATE TABLE publish_attempts (
    id                text PRIMARY KEY,
    publishing_job_id text NOT NULL,
    attempt_number    integer NOT NULL,
    status            text NOT NULL,
    error             text,
    created_at        timestamp DEFAULT now()
);
