CREATE TABLE publish_intents (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id        uuid NOT NULL,
    domain_id     uuid NOT NULL,
    draft_id      uuid NOT NULL,
    target        text NOT NULL,
    target_config jsonb NOT NULL,
    scheduled_for timestamptz,
    status        text NOT NULL DEFAULT 'pending',
    created_at    timestamptz NOT NULL DEFAULT now()
);
