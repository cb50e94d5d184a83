"""New tunnels."""
