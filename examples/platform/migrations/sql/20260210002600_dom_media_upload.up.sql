ALTER TABLE media_assets
    ADD COLUMN storage_key text NOT NULL,
    ADD COLUMN mime_type text NOT NULL,
    ADD COLUMN status text NOT NULL DEFAULT 'pending';
