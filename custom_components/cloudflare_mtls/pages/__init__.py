"""Web pages for devices that are not logged in."""
