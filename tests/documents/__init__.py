"""Tests of the documents for people: what they say is true, and what they show works."""
