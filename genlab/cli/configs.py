"""The config that a command's options describe."""


def _config_of(arguments):
    from genlab.config.files import load
    from genlab.runs.folder import RunFolder
    from genlab.sweep.plan import configure

    if arguments.config is None:
        return RunFolder.at(arguments.workdir).config
    return configure(load(arguments.config), arguments.variant, arguments.overrides)
