"""Webhooks: events are written down in the transaction that makes them, and sent from there."""
