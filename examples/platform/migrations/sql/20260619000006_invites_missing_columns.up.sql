ALTER TABLE invites
    ADD COLUMN status text NOT NULL DEFAULT 'pending' CONSTRAINT chk_invites_status
        CHECK (status IN ('pending', 'accepted', 'revoked', 'expired')),
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE invites SET status = 'accepted' WHERE accepted_at IS NOT NULL;

CREATE FUNCTION trigger_set_invites_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;
CREATE TRIGGER set_invites_updated_at BEFORE UPDATE ON invites
    FOR EACH ROW EXECUTE FUNCTION trigger_set_invites_updated_at();
