"""Proofs that the invariants hold through faults, killed processes and other writers."""
