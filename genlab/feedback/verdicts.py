"""Verdicts on samples: `feedback.jsonl` of a run's folder, which is only ever appended to.

A line is what was thought of one sample of a request, or of two:

    {"time": 1.7e9, "model": sha256 of the weights, "checkpoint": round, "genlab": version,
     "ask": {"n": 16, "seed": 0, "given": {"category": "dress"}}, "index": 3, "other": 5,
     "verdict": "first"}

Samples are drawn again from their request, which the same weights alone can do: verdicts on another
model are left out, and counted.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError
from genlab.runs.environment import version
from genlab.runs.files import append_row, rows_in
from genlab.sampling.conditions import typed
from genlab.sampling.load import TrainedRun
from genlab.sampling.request import SampleRequest, Vary

FILE = "feedback.jsonl"
OF_ONE, OF_TWO = ("up", "down"), ("first", "second", "tie")
SHARES = {"first": 1.0, "second": 0.0, "tie": 0.5, "up": 1.0, "down": 0.0}
ASKED = ("n", "seed", "label", "given", "truncation", "guidance", "vary", "interpolate")


class Verdict(NamedTuple):
    """What was thought of sample `index` of a request, or of it and sample `other`."""

    ask: Mapping[str, Any]
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    other: int | None
    verdict: str


class Verdicts(NamedTuple):
    """Those that can be used, and how many cannot, by the reason."""

    used: list[Verdict]
    left_out: dict[str, int]


def row(run: TrainedRun, verdict: Verdict) -> dict[str, Any]:
    """The line of a verdict on a sample of `run` as it is loaded. ConfigError as `checked`."""
    checked(verdict)
    return {
        "time": time.time(),
        "model": run.weights.fingerprint,
        "checkpoint": run.step,
        "genlab": version(),
        **verdict._asdict(),
        "ask": dict(verdict.ask),
    }


def append(run: TrainedRun, verdicts: Sequence[Verdict]) -> Path:
    """Adds verdicts on samples of `run` to its file; all or, where one makes no sense, none."""
    path = run.folder.path / FILE
    for one in [row(run, verdict) for verdict in verdicts]:
        append_row(path, one)
    return path


def read(run: TrainedRun, path: str | Path | None = None) -> Verdicts:
    """The verdicts on samples of this model in its folder, or in another such file."""
    path = Path(path) if path else run.folder.path / FILE
    problems: list[str] = []
    rows = rows_in(path, problems, ("ask", "index", "verdict"))
    if not path.is_file():
        raise ConfigError(
            f"{path} is missing: nobody has said anything of this run's samples; judge some on the "
            "page of `genlab serve`, or add a table with `genlab feedback --add=choices.csv`"
        )
    used, left_out = [], Counter({problem: 1 for problem in problems})
    for one in rows:
        reason = _unusable(one, run.weights.fingerprint)
        if reason:
            left_out[reason] += 1
        else:
            used.append(Verdict(one["ask"], one["index"], one.get("other"), one["verdict"]))
    return Verdicts(used, dict(left_out))


def checked(verdict: Verdict) -> Verdict:
    """The verdict; ConfigError for one that makes no sense, and why."""
    ask, index, other, text = verdict
    if text not in SHARES:
        known = ", ".join((*OF_ONE, *OF_TWO))
        raise ConfigError(f"verdict {text!r}; expected one of {known}")
    if (text in OF_TWO) is (other is None):
        raise ConfigError(
            f"verdict {text!r} with other={other}: first, second and tie are of two samples, and "
            "need other; up and down are of one"
        )
    if index == other:
        raise ConfigError(f"a choice between sample {index} and itself: give two samples")
    count = size(request(ask))
    for at in (index, other):
        if at is not None and not 0 <= at < count:
            raise ConfigError(f"sample {at} of a request for {count}: they are 0 to {count - 1}")
    return verdict


def request(ask: Mapping[str, Any]) -> SampleRequest:
    """What was asked for, of a request as JSON has it; None and {} stand for nothing asked.

    ConfigError for rows between chosen samples, which no request draws again, and for other fields.
    """
    asked = {name: value for name, value in ask.items() if value not in (None, {}, "")}
    if odd := [name for name in asked if name not in ASKED]:
        raise ConfigError(f"a request with {odd[0]!r} is not drawn again: judge samples of another")
    given = {str(name): typed(value) for name, value in asked.pop("given", {}).items()}
    vary = asked.pop("vary", None)
    if vary is not None:
        start, stop = (
            None if vary.get(end) is None else typed(vary[end]) for end in ("start", "stop")
        )
        asked["vary"] = Vary(vary["column"], start, stop, vary.get("steps"))
    return SampleRequest(**{"n": 16, "seed": 0, **asked, "given": given})


def size(asked: SampleRequest) -> float:
    """How many samples a request has; infinite where the number of a label's names decides."""
    if asked.vary is not None:
        return asked.n * asked.vary.steps if asked.vary.steps else np.inf
    return asked.n * (asked.interpolate or 1)


def pictures(run: TrainedRun, verdicts: Sequence[Verdict]) -> tuple[np.ndarray, np.ndarray]:
    """(samples as stored [M, ...], places [N, 2] among them of the two that each verdict is of; -1
    for the second of a verdict on one). A sample that several verdicts are of is there once.
    """
    wanted: dict[str, dict[int, int]] = {}
    for one in verdicts:
        seen = wanted.setdefault(_key(one.ask), {})
        for at in (one.index, one.other):
            if at is not None:
                seen.setdefault(at, len(seen))
    made, starts = [], {}
    for key, seen in wanted.items():
        starts[key] = sum(map(len, made))
        drawn = run.drawn(request(json.loads(key)))[run.method.makes]
        if max(seen) >= len(drawn):
            raise ConfigError(f"a verdict on sample {max(seen)} of {len(drawn)} that {key} gives")
        made.append(drawn[list(seen)])
    places = [
        [-1 if at is None else starts[_key(one.ask)] + wanted[_key(one.ask)][at]
         for at in (one.index, one.other)]
        for one in verdicts
    ]  # fmt: skip
    return np.concatenate(made), np.array(places)


def _key(ask: Mapping[str, Any]) -> str:
    return json.dumps(ask, sort_keys=True)


def _unusable(one: Mapping[str, Any], model: str) -> str:
    """Why a line is left out; "" for one that is used."""
    theirs = one.get("model")
    if not isinstance(theirs, str):
        return "without the fingerprint of a model"
    if theirs != model:
        return f"on another model, {theirs[:12]} of round {one.get('checkpoint')}"
    try:
        checked(Verdict(one["ask"], one["index"], one.get("other"), one["verdict"]))
    except (ConfigError, TypeError, AttributeError, KeyError) as error:
        return f"unusable: {error}"
    return ""
