"""Objectives, alerts, and what watches the stack: Prometheus, Alertmanager and a receiver."""
