"""Feedback: what people think of samples, read from a run's folder; a reward fitted to it; searches
and fine-tuning by that reward.
"""
