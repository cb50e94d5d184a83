"""Measure the budgets: how long, how deep, how many calls, how large."""
