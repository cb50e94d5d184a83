"""What only Home Assistant knows, kept in its storage; nothing in it is secret."""
