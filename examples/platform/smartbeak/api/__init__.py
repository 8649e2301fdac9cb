"""The control plane: SmartBeak's HTTP API."""
