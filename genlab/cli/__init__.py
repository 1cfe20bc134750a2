"""The `genlab` command, one file a command: each has its options, `add(command)`, and what it does,
`run(arguments)`. Nothing heavy is imported before the command is known.
"""
