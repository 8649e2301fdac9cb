DROP TABLE usage_alerts, system_flags;
