"""Figures of a report: learning curves, strips and galleries of samples."""
