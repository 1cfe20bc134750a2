"""Data sets, one file each; every factory here can stand in a config."""
