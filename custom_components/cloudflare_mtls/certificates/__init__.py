"""Certificates of companion devices: create, renew, revoke, restore, and report what happens to them."""
