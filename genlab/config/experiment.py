"""What a run is, as one value: the game, its data, its optimisers, how long to play, and what to
measure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_collections import ConfigDict

from genlab.config.errors import ConfigError, check_seed
from genlab.config.spec import spec


@dataclass(frozen=True)
class Loop:
    """How a run is carried out: nothing here changes a round already played, and all but the
    placement (and the number of devices under "pmap") may change when a run is resumed.

    steps:            rounds to play in all
    rounds_per_call:  rounds per dispatch (one `lax.scan`); the numbers do not depend on it
    placement:        "jit" (global view): the numbers do not depend on the number of devices; or
                      "pmap": each device draws for its own rows, so they do
    devices:          how many, None for all there are
    sharding:         of the state under "jit": "replicated" or "full" (each leaf split over the
                      devices)
    *_every:          in rounds; 0 for never (a checkpoint is always made after the last round)
    keep:             number of newest checkpoints kept, beside the best one
    best:             the validation score that names the best checkpoint, "evaluator/score"; lower
                      is better, or higher with a leading "+"; "" for none
    tensorboard:      also write event files
    trackers:         where else numbers and pictures go, {"mlflow": spec(MLflow, ...)}: see
                      `train.trackers`
    """

    steps: int = 1000
    rounds_per_call: int = 10
    placement: str = "jit"
    devices: int | None = None
    sharding: str = "replicated"
    log_every: int = 50
    checkpoint_every: int = 500
    sample_every: int = 500
    evaluate_every: int = 0
    keep: int = 2
    best: str = ""
    tensorboard: bool = False
    trackers: Mapping = field(default_factory=dict)

    def __post_init__(self):
        for name in ("steps", "rounds_per_call", "log_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"loop.{name} is {getattr(self, name)}; it must be at least 1")
        if not isinstance(self.trackers, Mapping | ConfigDict):
            raise ConfigError(f"loop.trackers is {self.trackers!r}; it maps names to specs")
        for name, tracker in self.trackers.items():
            if not hasattr(tracker, "open") and not isinstance(tracker, ConfigDict):
                raise ConfigError(
                    f"loop.trackers.{name} is {tracker!r}; give the spec of a tracker"
                )
        for name in ("checkpoint_every", "sample_every", "evaluate_every"):
            if getattr(self, name) < 0:
                raise ConfigError(f"loop.{name} is {getattr(self, name)}; 0 turns it off")
        if self.best and (not self.evaluate_every or self.evaluate_every % self.saved_every):
            raise ConfigError(
                f"loop.best={self.best!r} needs a score at checkpoints: evaluate_every "
                f"({self.evaluate_every}) must be a multiple of checkpoint_every "
                f"({self.saved_every})"
            )

    @property
    def saved_every(self) -> int:
        """Rounds between checkpoints; there is always one after the last round."""
        return self.checkpoint_every or self.steps


@dataclass(frozen=True)
class Experiment:
    """A run: `method` on `data`, each player with its optimiser.

    optim:       by player
    ema:         decay of the moving average, by network, a number or a schedule of the round;
                 networks not named have none
    evaluate:    evaluators by name (see `genlab.evaluation`); a report shows their test scores
    recalibrate: batches of samples from which BatchNorm's statistics are taken anew before the run
                 is sampled or scored (`genlab.sampling.batch_norm`); 0 for the running ones
    begin:       networks that start from another run's weights, its moving averages where it has
                 any: {"gen": "runs/x"}, "runs/x:network" where it has another name there, or
                 {"run": ..., "network": ..., "step": ...}; optimisers start afresh
    title:       a line for people
    """

    method: Any  # a `game.Method`
    data: Any  # a `data.Source`
    optim: Mapping
    batch_size: int = 64
    seed: int = 0
    ema: Mapping = field(default_factory=dict)
    evaluate: Mapping = field(default_factory=dict)
    recalibrate: int = 0
    loop: Loop = Loop()
    title: str = ""
    begin: Mapping = field(default_factory=dict)

    def __post_init__(self):
        wanted = (("method", "players", "a method"), ("data", "batch", "a source of data"))
        for name, has, what in wanted:
            given = getattr(self, name)
            if not hasattr(given, has) and not isinstance(given, ConfigDict):  # a spec: not built
                raise ConfigError(f"{name} is {given!r}; give the spec of {what}")
        for name in ("optim", "ema", "evaluate", "begin"):
            if not isinstance(getattr(self, name), Mapping | ConfigDict):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it maps names to specs")
        check_seed(self.seed)
        if self.batch_size < 1:
            raise ConfigError(f"batch_size is {self.batch_size}; it must be at least 1")
        if self.recalibrate < 0:
            raise ConfigError(f"recalibrate is {self.recalibrate}; 0 turns it off")
        built = not isinstance(self.method, ConfigDict)
        if self.recalibrate and built and not hasattr(self.method, "update_stats"):
            raise ConfigError(
                f"recalibrate is {self.recalibrate}, but {type(self.method).__name__} has no "
                "`update_stats`, which takes BatchNorm's statistics anew: set it 0"
            )
        for network, decay in self.ema.items():
            if isinstance(decay, float | int) and not 0 <= decay <= 1:
                raise ConfigError(f"ema.{network} is {decay}; a decay lies between 0 and 1")
        names = list(self.evaluate)
        if self.loop.best and self.loop.best.lstrip("+").partition("/")[0] not in names:
            raise ConfigError(
                f"loop.best={self.loop.best!r} is 'evaluator/score'; the evaluators are {names}"
            )


def written(experiment: "ConfigDict | Experiment") -> ConfigDict:
    """The config of an Experiment of specs or of objects (see `spec`). A config is returned as it
    is.

    Raises ConfigError for what is neither.
    """
    if isinstance(experiment, ConfigDict):
        return experiment
    if not isinstance(experiment, Experiment):
        raise ConfigError(f"{type(experiment).__name__} is no Experiment and no spec of one")
    return spec(Experiment, **vars(experiment))
