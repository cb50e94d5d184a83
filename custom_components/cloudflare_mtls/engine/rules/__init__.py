"""Rule expressions: ours, and what any of them means."""
