DROP TABLE notification_preferences, notification_attempts, notifications;
