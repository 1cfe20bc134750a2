"""The `genlab` command: one file a command. Nothing heavy is imported before
the command is known.
"""
