"""Make the texts of all languages from their sources; README.md says how a language is added."""
