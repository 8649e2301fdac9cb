ALTER TABLE publishing_dlq
    DROP COLUMN org_id,
    DROP COLUMN retry_count,
    DROP COLUMN job_data,
    DROP COLUMN error_category,
    DROP COLUMN error_stack,
    DROP COLUMN error_message;
