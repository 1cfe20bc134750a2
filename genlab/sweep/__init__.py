"""Sweeps: variants x seeds, planned, run here or by an executor, and resumed."""
