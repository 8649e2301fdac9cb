DROP TABLE publish_attempts, publishing_jobs, publish_targets;
