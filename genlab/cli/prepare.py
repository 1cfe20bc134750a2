"""`genlab prepare`: a data set, once."""

from genlab.cli.configs import _config_of


def _prepare(arguments) -> None:
    from genlab.config import ConfigError
    from genlab.data.preparing import prepare, prepare_for

    if (arguments.name is None) == (arguments.config is None):
        raise ConfigError(
            "give one of: tfds:NAME, a folder of images, --config=FILE (prepares what it reads)"
        )
    if arguments.config:
        print(prepare_for(_config_of(arguments).data))
    else:
        print(prepare(arguments.name, arguments.data_dir, arguments.manual_dir))
