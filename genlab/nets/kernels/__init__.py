"""Kernels: convolutions and resizing in a form of their own for CPU; derivatives are exact."""
