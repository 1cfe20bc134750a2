"""Training: one experiment on its devices, from the first round or from its newest checkpoint."""
