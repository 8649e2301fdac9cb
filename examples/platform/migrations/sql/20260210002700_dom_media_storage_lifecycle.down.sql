ALTER TABLE media_assets
    DROP COLUMN storage_class,
    DROP COLUMN last_accessed_at;
