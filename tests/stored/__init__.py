"""What each released version stored, and tests that this version reads it and writes nothing that loses any of it."""
