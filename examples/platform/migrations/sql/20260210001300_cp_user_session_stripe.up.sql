ALTER TABLE users ADD COLUMN session_version integer NOT NULL DEFAULT 1;
ALTER TABLE organizations ADD COLUMN stripe_customer_id text;
