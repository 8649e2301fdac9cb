ALTER TABLE usage_alerts DROP COLUMN updated_at;
-- A flag of everybody has one value: that of the first organization stays.
DELETE FROM system_flags AS flag USING system_flags AS other
    WHERE other.key = flag.key AND other.org_id < flag.org_id;
ALTER TABLE system_flags
    DROP CONSTRAINT system_flags_org_key_pkey,
    DROP COLUMN org_id,
    ADD CONSTRAINT system_flags_pkey PRIMARY KEY (key);
