CREATE TABLE domains (
    id          text PRIMARY KEY,
    org_id      text NOT NULL,
    name        text NOT NULL,
    status      text NOT NULL DEFAULT 'active',
    created_at  timestamp DEFAULT now(),
    updated_at  timestamp DEFAULT now(),
    archived_at timestamp,
    UNIQUE (org_id, name)
);
