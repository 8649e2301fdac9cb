ALTER TABLE media_assets
    ADD COLUMN last_accessed_at timestamp,
    ADD COLUMN storage_class text DEFAULT 'hot';
