DROP TRIGGER set_invites_updated_at ON invites;
DROP FUNCTION trigger_set_invites_updated_at();
ALTER TABLE invites
    DROP COLUMN updated_at,
    DROP COLUMN expires_at,
    DROP COLUMN status;
