"""Metadata of volumes."""
