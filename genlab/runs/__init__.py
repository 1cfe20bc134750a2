"""Run folders: what a run leaves on disk, and all that evaluation and report know of it."""
