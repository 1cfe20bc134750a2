"""Sampling: examples drawn from a trained model, and pictures of them."""
