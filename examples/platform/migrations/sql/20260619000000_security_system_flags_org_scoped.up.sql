-- Flags that were everybody's become those of nobody: an organization named `legacy`.
ALTER TABLE system_flags
    ADD COLUMN org_id text NOT NULL DEFAULT 'legacy',
    DROP CONSTRAINT system_flags_pkey,
    ADD CONSTRAINT system_flags_org_key_pkey PRIMARY KEY (org_id, key);
ALTER TABLE system_flags ALTER COLUMN org_id DROP DEFAULT;
ALTER TABLE usage_alerts ADD COLUMN updated_at timestamptz;
