"""MLflow: a local SQLite file, or a server."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlab.config import ConfigError
from genlab.runs.files import object_in
from genlab.train.trackers.protocol import About

PLAIN = re.compile(r"[^\w\-. /]")  # characters that no key of MLflow may have
KEPT = "mlflow.json"  # in the run's folder: which run of MLflow it is
PARAMETERS, NUMBERS, LONGEST = 100, 1000, 6000  # of one call; letters of a value


@dataclass(frozen=True)
class MLflow:
    """`pip install 'genlab[mlflow]'`.

    uri:        a database, "sqlite:///runs/mlflow.db" (its pictures beside it), or a server
    experiment: the name that the runs are under
    """

    uri: str = "sqlite:///mlflow.db"
    experiment: str = "genlab"

    def __post_init__(self):
        if "://" not in self.uri:
            raise ConfigError(
                f"MLflow.uri={self.uri!r}: give a database or a server, as sqlite:///mlflow.db"
            )

    def open(self, about: About) -> "Tracked":
        """Its run in MLflow, that of before where it goes on; ImportError without the extra."""
        from mlflow import MlflowClient  # pyright: ignore

        client = MlflowClient(self.uri)
        known = client.get_experiment_by_name(self.experiment)
        number = known.experiment_id if known else self._experiment(client)
        before = object_in(about.run.path / KEPT) if about.step else {}
        if identity := before.get("run_id"):
            client.update_run(identity, "RUNNING")
        else:
            identity = client.create_run(number, run_name=about.name).info.run_id
            about.run.write(KEPT, {"uri": self.uri, "run_id": identity})
            _parameters(client, identity, about)
        return Tracked(client, identity)

    def _experiment(self, client: Any) -> str:
        place = self.uri.partition("sqlite:///")[2]
        beside = Path(place).resolve().with_suffix("").as_uri() if place else None
        return client.create_experiment(self.experiment, artifact_location=beside)


def _parameters(client: Any, identity: str, about: About) -> None:
    from mlflow.entities import Param  # pyright: ignore[reportMissingImports]

    made = [Param(PLAIN.sub("_", n), str(v)[:LONGEST]) for n, v in about.settings.items()]
    for at in range(0, len(made), PARAMETERS):
        client.log_batch(identity, params=made[at : at + PARAMETERS])


class Tracked:
    """A run of MLflow."""

    def __init__(self, client: Any, identity: str):
        self.client, self.identity = client, identity

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Each a metric of its name."""
        from mlflow.entities import Metric  # pyright: ignore[reportMissingImports]

        now = int(1000 * time.time())
        finite = {n: float(v) for n, v in values.items() if math.isfinite(v)}
        made = [Metric(PLAIN.sub("_", n), v, now, step) for n, v in finite.items()]
        for at in range(0, len(made), NUMBERS):
            self.client.log_batch(self.identity, metrics=made[at : at + NUMBERS])

    def picture(self, step: int, name: str, file: Path) -> None:
        """A file of its own among the artefacts, by what it is of."""
        self.client.log_artifact(self.identity, str(file), name)

    def close(self, failed: bool) -> None:
        """Finished, or failed."""
        self.client.set_terminated(self.identity, "FAILED" if failed else "FINISHED")
