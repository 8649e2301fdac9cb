DROP TABLE job_executions;
