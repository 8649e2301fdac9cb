ALTER TABLE publish_targets ADD COLUMN region text NOT NULL DEFAULT 'us-east-1';
ALTER TABLE publishing_jobs ADD COLUMN region text NOT NULL DEFAULT 'us-east-1';
