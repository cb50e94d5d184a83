"""Tests of the texts in all languages, and of the program that makes them."""
