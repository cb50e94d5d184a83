"""The document docs/reference.md, whose tables are made from the code and its English texts."""
