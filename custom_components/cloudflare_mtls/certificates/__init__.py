"""Certificates of companion devices: create, renew, revoke, restore, and what is told of them."""
