"""An imitation of cloudflared, for tests without the real one; it is held against the real one."""
