DROP TABLE publishing_dlq;
