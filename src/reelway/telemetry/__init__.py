"""Logs, metrics and failpoints: how the gateway is watched and tested from outside."""
