-- The tables of the SmartBeak platform that the pages' commands touch, with its
-- real names, types and constraints (late February 2026). Where each of them
-- comes from: ../platform/facts.yaml. Run once, as smartbeak, in its database.
--
-- Columns without a time zone are so in the platform too.

CREATE TABLE users (
    id              text PRIMARY KEY,
    email           text NOT NULL UNIQUE,
    session_version integer NOT NULL DEFAULT 1,
    created_at      timestamptz DEFAULT now()
);

CREATE TABLE organizations (
    id                 text PRIMARY KEY,
    name               text NOT NULL,
    stripe_customer_id text,
    created_at         timestamptz DEFAULT now()
);

CREATE TABLE memberships (
    user_id    text REFERENCES users ON DELETE CASCADE,
    org_id     text REFERENCES organizations ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    PRIMARY KEY (user_id, org_id)
);

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

CREATE TABLE content_items (
    id           text PRIMARY KEY,
    domain_id    text NOT NULL,
    title        text NOT NULL,
    body         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('draft', 'scheduled', 'published', 'archived')),
    content_type text DEFAULT 'article' CHECK (content_type IN
        ('article', 'page', 'product', 'review', 'guide', 'post', 'image', 'video')),
    publish_at   timestamp,
    archived_at  timestamp,
    metadata     jsonb DEFAULT '{}',
    created_at   timestamptz DEFAULT now(),
    updated_at   timestamp DEFAULT now()
);
CREATE INDEX idx_content_items_domain_status ON content_items (domain_id, status);
CREATE INDEX idx_content_items_updated_at ON content_items (updated_at DESC);

CREATE TABLE content_revisions (
    id         text PRIMARY KEY,
    content_id text NOT NULL REFERENCES content_items ON DELETE CASCADE,
    title      text NOT NULL,
    body       text NOT NULL,
    created_at timestamp DEFAULT now()
);
CREATE INDEX idx_content_revisions_content_created ON content_revisions (content_id, created_at DESC);

CREATE TABLE publish_targets (
    id         text PRIMARY KEY,
    domain_id  text NOT NULL,
    type       text NOT NULL,
    config     jsonb NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    region     text NOT NULL DEFAULT 'us-east-1',
    created_at timestamp DEFAULT now()
);

CREATE TABLE publishing_jobs (
    id            text PRIMARY KEY,
    domain_id     text NOT NULL,
    content_id    text NOT NULL,
    target_id     text NOT NULL,
    status        text NOT NULL,
    region        text NOT NULL DEFAULT 'us-east-1',
    attempt_count integer NOT NULL DEFAULT 0,
    metadata      jsonb DEFAULT '{}',
    created_at    timestamp DEFAULT now(),
    published_at  timestamp,
    updated_at    timestamptz DEFAULT now()
);
CREATE INDEX idx_publishing_jobs_domain_status ON publishing_jobs (domain_id, status, created_at DESC);

CREATE TABLE publish_attempts (
    id                text PRIMARY KEY,
    publishing_job_id text NOT NULL,
    attempt_number    integer NOT NULL,
    status            text NOT NULL,
    error             text,
    created_at        timestamp DEFAULT now()
);

CREATE TABLE publishing_dlq (
    id                text PRIMARY KEY,
    publishing_job_id text NOT NULL REFERENCES publishing_jobs ON DELETE CASCADE,
    region            text NOT NULL,
    reason            text NOT NULL,
    error_message     text,
    error_stack       text,
    error_category    text NOT NULL DEFAULT 'unknown',
    job_data          jsonb,
    retry_count       integer NOT NULL DEFAULT 0,
    org_id            text,
    created_at        timestamptz DEFAULT now()
);
CREATE INDEX idx_publishing_dlq_org_id ON publishing_dlq (org_id);

CREATE TABLE plans (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    max_domains integer,
    max_content integer,
    price_cents integer NOT NULL CHECK (price_cents >= 0),
    interval    text NOT NULL DEFAULT 'month',
    features    jsonb NOT NULL DEFAULT '[]'
);

CREATE TABLE subscriptions (
    id                     text PRIMARY KEY,
    org_id                 text NOT NULL REFERENCES organizations ON DELETE CASCADE,
    plan_id                text NOT NULL REFERENCES plans ON DELETE SET NULL,
    status                 text NOT NULL CHECK (status IN ('active', 'cancelled', 'past_due',
        'trialing', 'incomplete', 'incomplete_expired', 'unpaid', 'paused')),
    grace_until            timestamptz,
    stripe_customer_id     text,
    stripe_subscription_id text,
    current_period_start   timestamptz,
    current_period_end     timestamptz,
    cancelled_at           timestamptz,
    created_at             timestamptz DEFAULT now(),
    updated_at             timestamp DEFAULT now()
);
CREATE UNIQUE INDEX uq_subscriptions_org_active ON subscriptions (org_id) WHERE status = 'active';

CREATE TABLE notifications (
    id                    text PRIMARY KEY,
    org_id                text NOT NULL,
    user_id               text NOT NULL,
    channel               text NOT NULL,
    template              text NOT NULL,
    payload               jsonb NOT NULL,
    status                text NOT NULL CHECK (status IN
        ('pending', 'sending', 'delivered', 'failed', 'cancelled')),
    delivery_token        text,
    delivery_committed_at timestamptz,
    created_at            timestamptz DEFAULT now(),
    updated_at            timestamptz DEFAULT now()
);
CREATE INDEX idx_notifications_user_status ON notifications (user_id, status, created_at DESC);

CREATE TABLE system_flags (
    org_id     text NOT NULL,
    key        text NOT NULL,
    value      boolean NOT NULL,
    updated_at timestamptz DEFAULT now(),
    PRIMARY KEY (org_id, key)
);
