"""Rule expressions: writes ours, reads anybody's, and says who gets in."""
