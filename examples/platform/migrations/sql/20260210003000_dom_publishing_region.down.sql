ALTER TABLE publishing_jobs DROP COLUMN region;
ALTER TABLE publish_targets DROP COLUMN region;
