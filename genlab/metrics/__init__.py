"""Scores of samples: arrays in, numbers out, in NumPy float64 on the host and without state.

A score says nothing alone: report it with the feature space, the counts, the split and the seeds.
"""
