"""Pages for devices that are not logged in: fetch a certificate, and test it."""
