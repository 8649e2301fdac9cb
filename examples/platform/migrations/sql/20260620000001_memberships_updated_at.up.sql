ALTER TABLE memberships ADD COLUMN updated_at timestamptz DEFAULT now();
UPDATE memberships SET updated_at = created_at;
