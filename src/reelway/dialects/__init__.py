"""Inbound dialects: pure translators between a foreign API and our intents. No database, no network, no clock."""
