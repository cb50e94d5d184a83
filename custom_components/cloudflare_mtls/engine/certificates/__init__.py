"""Keys, bundles, and how certificates of companion devices stand."""
