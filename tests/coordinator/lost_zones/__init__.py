"""Tests of an account with two domains, one of which is lost."""
