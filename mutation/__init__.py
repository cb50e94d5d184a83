"""Find changes to the code that no test notices; docs/mutation.md says why each is harmless."""
