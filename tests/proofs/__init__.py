"""The invariants, held against everything that can happen on the way: faults, deaths, others."""
