"""Editing: what a trained generator knows, in its latents: inversion, directions, edits and their
measured changes.
"""
