ALTER TABLE organizations DROP COLUMN stripe_customer_id;
ALTER TABLE users DROP COLUMN session_version;
