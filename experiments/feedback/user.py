"""A simulated user: a hidden taste that is linear in factors of a product, and choices by it."""

from dataclasses import dataclass

import numpy as np
from feedback import LIKED, reader

from genlab import config as config_lib
from genlab.config import build
from genlab.data.columns import Numbers
from genlab.feedback.verdicts import Verdict, request
from genlab.sampling.load import TrainedRun
from genlab.sampling.request import SampleRequest

BETA = 2.0  # P(a over b) = sigmoid(BETA (u(a) - u(b))), u of standard deviation 1
ASKED = 64  # samples of a request that pairs are drawn from
WIDTHS = (32, 48, 48, 32)


@dataclass(frozen=True)
class User:
    """u(picture) = taste . factors, scaled to mean 0 and standard deviation 1 over the samples of
    `run`. Factors are read by a network of its own: other widths and another seed than the reward's
    features have.
    """

    run: TrainedRun
    taste: np.ndarray
    factors: object
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def drawn(cls, run: TrainedRun, seed: int, steps: int) -> "User":
        """A taste in a random direction, hue by its cosine and its sine."""
        config = config_lib.as_dict(run.config)
        reads = build(reader(WIDTHS, seed=1, steps=steps)).reader(config, run.source)
        taste = np.random.default_rng([11, seed]).standard_normal(len(LIKED) + 1)
        plain = cls(run, taste / np.linalg.norm(taste), reads)
        found = plain.utility(run.drawn(SampleRequest(1_000, 10_000))["image"])
        return cls(run, plain.taste, reads, float(found.mean()), float(found.std()))

    def taps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """What its network makes of pictures."""
        return self.factors.taps(pictures)

    def utility(self, pictures: np.ndarray) -> np.ndarray:
        """u of each picture, [N]."""
        columns = [
            self._standard(n, x) for n, x in self.factors.read(pictures).items() if n in LIKED
        ]
        return (np.concatenate(columns, axis=1) @ self.taste - self.mean) / self.scale

    def verdicts(self, n: int, seed: int) -> list[Verdict]:
        """`n` choices between two samples of one request, in order: the first of more are the same
        as those of fewer.
        """
        draw, found = np.random.default_rng([12, seed]), []
        while len(found) < n:
            ask = {"n": ASKED, "seed": 20_000 + len(found) // (ASKED // 2)}
            u = self.utility(self.run.drawn(request(ask))["image"])
            for a, b in draw.permutation(ASKED).reshape(-1, 2):
                first = self.prefers(u[a], u[b], draw)
                found.append(Verdict(ask, int(a), int(b), "first" if first else "second"))
        return found[:n]

    def prefers(self, a: float, b: float, draw: np.random.Generator) -> bool:
        """A choice by Bradley-Terry."""
        return bool(draw.random() < 1 / (1 + np.exp(-BETA * (a - b))))

    def _standard(self, name: str, x: np.ndarray) -> np.ndarray:
        """A factor in units of its standard deviation in the data, where it is uniform."""
        kind = self.run.source.columns[name]
        assert isinstance(kind, Numbers)
        (low,), (high,) = kind.low, kind.high
        share = (x - low) / (high - low)
        if kind.period:
            turn = 2 * np.pi * share
            return np.sqrt(2) * np.concatenate([np.cos(turn), np.sin(turn)], axis=1)
        return (share - 0.5) * np.sqrt(12)
