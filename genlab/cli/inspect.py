"""`genlab inspect`: what pictures say of how they were made."""

from pathlib import Path

ABOUT = """\
Print what pictures written by genlab say of themselves: by which run, with which settings.

Exits with 1 where some file says nothing of the kind.
"""


def add(command) -> None:
    """Its options."""
    text = "picture files, as genlab sample, edit and apply write them"
    command.add_argument("files", nargs="+", metavar="FILE", help=text)
    command.set_defaults(jax=False)


def run(arguments) -> int:
    """Prints what each file says; 1 where one says nothing."""
    from genlab.config import ConfigError
    from genlab.data import provenance

    silent = 0
    for name in arguments.files:
        path = Path(name).expanduser()
        try:
            found = provenance.read(path)
        except OSError as error:
            if not path.exists():
                raise ConfigError(f"no such file: {name}; give a picture file") from None
            silent += 1
            reason = str(error).removeprefix(f"{path}: ")
            print(f"{name}\n  is no picture that can be read: {reason}")
            continue
        print(name)
        if found is None:
            silent += 1
            print("  says nothing of genlab: not written by it, or its metadata were removed")
            continue
        for field, value in found.items():
            print(f"  {field:10} {_written(value)}")
    return int(bool(silent))


def _written(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_written(x)}" for name, x in value.items()) or "none"
    return str(value)
