CREATE TABLE org_usage (
    org_id        text PRIMARY KEY REFERENCES organizations,
    domain_count  integer NOT NULL DEFAULT 0,
    content_count integer NOT NULL DEFAULT 0,
    media_count   integer NOT NULL DEFAULT 0,
    publish_count integer NOT NULL DEFAULT 0,
    updated_at    timestamp DEFAULT now()
);
