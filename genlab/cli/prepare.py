"""`genlab prepare`: downloads, cleans and writes a data set, once."""

from genlab.cli import options

ABOUT = "Prepare a data set once: downloads, cleans, writes."


def add(command) -> None:
    """Its options. Preparing needs no JAX."""
    command.add_argument("name", nargs="?", help="tfds:NAME (tfds:cifar10), or a folder of images")
    options.config(command, "experiment file, defines config()")
    options.variant(command)
    command.add_argument("--data_dir", help="where TFDS keeps prepared sets")
    command.add_argument("--manual_dir", help="where a TFDS set's own files are, if got by hand")
    command.set_defaults(jax=False)


def run(arguments) -> None:
    """Prints where the data set is."""
    from genlab.config import ConfigError
    from genlab.data.preparing import prepare, prepare_for

    if (arguments.name is None) == (arguments.config is None):
        raise ConfigError(
            "give one of: tfds:NAME, a folder of images, --config=FILE (prepares what it reads)"
        )
    if arguments.config:
        print(prepare_for(options.described(arguments).data))
    else:
        print(prepare(arguments.name, arguments.data_dir, arguments.manual_dir))
