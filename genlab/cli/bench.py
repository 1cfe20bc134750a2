"""`genlab bench`: what a config costs on this machine."""

import json
from pathlib import Path

from genlab.cli.configs import _config_of


def _bench(arguments) -> None:
    from genlab.train.benchmark import bench, lines

    record = bench(_config_of(arguments), arguments.seconds)
    print("\n".join(lines(record)))
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(record, indent=2) + "\n")
