"""Make a release: its version, its section of the changelog, its commit and its tag; nothing is pushed."""
