DROP TABLE publish_executions;
