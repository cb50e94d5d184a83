"""Tunnels that do not exist yet, and their connectors."""
