DROP TABLE notification_dlq;
