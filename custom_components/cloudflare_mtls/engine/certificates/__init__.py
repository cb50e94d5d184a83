"""Keys, bundles, and the state of companion devices' certificates."""
