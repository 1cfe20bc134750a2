"""`MIG`: whether each factor of the data is in one code of a model alone."""

from dataclasses import dataclass

import numpy as np
from jax import random

from genlab.config import ConfigError
from genlab.data.columns import Label
from genlab.data.sources import Readable
from genlab.editing.factors import Factor, factors
from genlab.evaluation.context import CODES, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import SAMPLES
from genlab.features.factors import Factors
from genlab.game import Method
from genlab.game.abilities import Encodes, HasCodes
from genlab.metrics.disentanglement import binned, mutual_information_gap
from genlab.metrics.resampling import bootstrap
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded
from genlab.sampling.sampler import batches, part

RESAMPLES = 100


@dataclass(frozen=True)
class MIG:
    """The mutual information gap of Chen et al. 2018 (arXiv:1802.04942), 0 to 1, higher is better.

    Of a method with codes in its latents (InfoGAN) between the codes of samples and the factors
    that are read off the samples: exactly where the set can be decoded, else, or without `decode`,
    for it may take long, by the network `factors`. Of one that encodes, between the codes of real
    pictures and their own factors, with no network. Numbers are cut into `bins` of equal width over
    their range, as in
    `disentanglement_lib`; a discrete code is one code. The table has the information of every code
    in every factor, as a share of the factor's entropy: what a few samples seem to share by chance
    is in it, and shrinks with their number.
    """

    factors: Factors
    samples: int = 5000
    bins: int = 20
    decode: bool = True
    gives = ("mig",)

    def __post_init__(self):
        if self.samples < 2 or self.bins < 2:
            raise ConfigError(f"samples={self.samples}, bins={self.bins}; expected 2 or more each")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method without codes, and for one that has a single one."""
        self.factors.kinds(source)
        codes = method.codes() if isinstance(method, HasCodes) else None
        if codes is None and not isinstance(method, Encodes):
            raise ConfigError(
                f"MIG needs a method with codes or an encoder: {type(method).__name__} has neither"
            )
        if codes is not None and len(codes) == 1:
            raise ConfigError("MIG compares codes, and the method has one: give it two or more")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the codes of the method, or else of its encoder."""
        self.check(context.method, context.source)
        method = context.method
        own = isinstance(method, HasCodes) and method.codes()
        codes, measured, how = _of_samples(self, context) if own else _of_encoder(self, context)
        known = factors(context.source.columns, measured)
        known = {n: f for n, f in known.items() if f.column not in method.given}
        names = list(codes)
        x = np.stack([codes[name] for name in names], axis=1)
        y = np.stack([_integers(f, f.of(measured), self.bins) for f in known.values()], axis=1)
        found = mutual_information_gap(x, y)
        rows = np.concatenate([x, y], axis=1)
        interval = bootstrap(
            lambda r: mutual_information_gap(r[:, : x.shape[1]], r[:, x.shape[1] :]).mig,
            rows, RESAMPLES,
        )  # fmt: skip
        entropy = mutual_information_gap(np.concatenate([y, y], axis=1), y).information.max(axis=0)
        table = {
            name: {
                "mig": float(found.each[j]),
                **{c: float(found.information[i, j] / entropy[j]) for i, c in enumerate(names)},
            }
            for j, name in enumerate(known)
            if entropy[j] > 0
        }
        return EvaluationResult(
            {"mig": found.mig},
            {**how, "samples": len(x), "bins": self.bins},
            intervals={"mig": interval},
            tables={"factor and its code": {SAMPLES: table}},
        )


def _of_samples(of: MIG, c: EvaluationContext) -> tuple[dict, dict, dict]:
    """The codes of samples, as integers, what is read of them, and by what."""
    z = c.method.latents(random.fold_in(c.key, CODES), of.samples)
    cond = loaded(c.source, c.conditions(of.samples))
    images, latents = c.sampler(c.params, c.stats, z, cond), np.asarray(z)
    codes = {
        name: latents[:, code.at].argmax(1) if code.discrete else binned(latents[:, code.at][:, 0],
                                                                         of.bins)
        for name, code in c.method.codes().items()  # pyright: ignore[reportAttributeAccessIssue]
    }  # fmt: skip
    decode = getattr(c.source, "decode", None)
    if of.decode and decode is not None:
        return codes, decode(images), {"codes": "of samples", "factors": "decoded"}
    reader = of.factors.reader(c.config, c.source, c.method.makes)
    told = {"codes": "of samples", "factors": "read", **of.factors.protocol, **reader.protocol}
    return codes, reader.read(images), told


def _of_encoder(of: MIG, c: EvaluationContext) -> tuple[dict, dict, dict]:
    """The codes of real pictures, and their own factors."""
    x, cond = c.batch
    n = min(len(x), of.samples)
    encode = compiler.jit(lambda x, cond: c.method.encode(c.params, c.stats, x, cond))  # pyright: ignore[reportAttributeAccessIssue]
    made = [np.asarray(encode(x[:n][at], part(part(cond, slice(n)), at))) for at in batches(n, 250)]
    found = np.concatenate(made)
    codes = {f"z{i}": binned(found[:, i], of.bins) for i in range(found.shape[1])}
    measured = {name: c.real[name][:n] for name in of.factors.kinds(c.source)}
    return codes, measured, {"codes": "of the encoder", "factors": "of the data"}


def _integers(factor: Factor, values: np.ndarray, bins: int) -> np.ndarray:
    return values if isinstance(factor.kind, Label) else binned(values, bins)
