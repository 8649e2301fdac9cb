ALTER TABLE media_assets
    DROP COLUMN status,
    DROP COLUMN mime_type,
    DROP COLUMN storage_key;
