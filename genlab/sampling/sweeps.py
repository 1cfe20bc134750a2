"""`genlab.sweep(DIR)`: a sweep's runs, scores and curves as one object."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.config import ConfigError, did_you_mean
from genlab.report import frames, reading
from genlab.sampling.load import TrainedRun, load

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]


def load_sweep(workdir: str | Path) -> "LoadedSweep":
    """A sweep's folder, or that of one run, as it is now, also while it goes on; ConfigError where
    there is neither.
    """
    return LoadedSweep(reading.read(workdir))


@dataclass(frozen=True, eq=False)
class LoadedSweep:
    """Variants × seeds, as their folders were when it was loaded."""

    read: reading.Sweep

    @property
    def variants(self) -> tuple[str, ...]:
        """Their names."""
        return self.read.variants

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the runs of each."""
        return self.read.seeds

    def run(self, variant: str, seed: int = 0) -> TrainedRun:
        """One of the runs, as `genlab.load` gives it; ConfigError where it is not there."""
        found = [run.folder for run in self.read.of(variant) if run.seed == seed]
        if not found:
            hint = did_you_mean(variant, self.variants) or f"; there are {', '.join(self.variants)}"
            raise ConfigError(
                f"no run of variant {variant!r} with seed {seed}{hint}, seeds {list(self.seeds)}"
            )
        return load(found[0])

    def table(self, split: str = "test") -> "pandas.DataFrame":
        """A row for each run and scored checkpoint: variant, seed, status, checkpoint ("best" or
        "last"), round, the fields in which the variants differ, every score ("fidelity/fd").

        ConfigError without pandas.
        """
        return _frame(frames.scores(self.read, split), frames.KEYS)

    def curves(self) -> "pandas.DataFrame":
        """A row for each row of the training logs: variant, seed, round, every term ("disc/loss").

        ConfigError without pandas.
        """
        return _frame(frames.curves(self.read), ("variant", "seed", "round"))

    def __repr__(self) -> str:
        counts = f"{len(self.variants)} variants, {len(self.seeds)} seeds"
        return f"<{self.read.folder}: {counts} ({', '.join(self.variants)})>"


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> "pandas.DataFrame":
    try:
        import pandas  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError("a table is a pandas frame: pip install 'genlab[frames]'") from None
    return pandas.DataFrame(rows, columns=None if rows else list(columns))
