CREATE TABLE system_flags (
    key        text PRIMARY KEY,
    value      boolean NOT NULL,
    updated_at timestamp DEFAULT now()
);

CREATE TABLE usage_alerts (
    id         text PRIMARY KEY,
    org_id     text REFERENCES organizations,
    metric     text NOT NULL,
    threshold  integer NOT NULL,
    triggered  boolean DEFAULT false,
    created_at timestamp DEFAULT now()
);
