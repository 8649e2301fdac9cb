CREATE TABLE activity_log (
    id          text PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id      text NOT NULL,
    domain_id   text,
    user_id     text,
    action      text NOT NULL,
    entity_type text NOT NULL,
    entity_id   text,
    metadata    jsonb DEFAULT '{}',
    created_at  timestamp DEFAULT now()
);
CREATE INDEX idx_activity_org ON activity_log (org_id);
