"""Tests of visits to the edge."""
