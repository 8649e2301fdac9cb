ALTER TABLE memberships DROP COLUMN updated_at;
