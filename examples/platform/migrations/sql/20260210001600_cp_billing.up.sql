CREATE TABLE plans (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    max_domains integer,
    max_content integer,
    price_cents integer NOT NULL
);

CREATE TABLE subscriptions (
    id          text PRIMARY KEY,
    org_id      text NOT NULL REFERENCES organizations,
    plan_id     text NOT NULL REFERENCES plans,
    status      text NOT NULL,
    grace_until timestamp,
    created_at  timestamp DEFAULT now(),
    updated_at  timestamp DEFAULT now()
);
