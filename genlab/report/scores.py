"""What is known of a score by its name: which way is better, and its unit."""

import math
import re
from typing import NamedTuple

LOWER, HIGHER = -math.inf, math.inf


class Score(NamedTuple):
    """`goal` is the value to come near: -inf where lower is better, None where unknown."""

    name: str
    goal: float | None = None
    unit: str = ""

    @property
    def arrow(self) -> str:
        """↓, ↑ or → with the value to come near; nothing for an unknown score."""
        if self.goal is None:
            return ""
        return {LOWER: "↓", HIGHER: "↑"}.get(self.goal, f"→ {self.goal:g}")

    @property
    def advice(self) -> str:
        """The arrow in words."""
        if self.goal is None:
            return ""
        words = {LOWER: "lower is better", HIGHER: "higher is better"}
        return words.get(self.goal, f"nearer {self.goal:g} is better")

    @property
    def heading(self) -> str:
        """`psnr [dB] ↑`."""
        unit = f"[{self.unit}]" if self.unit else ""
        return " ".join(filter(None, (self.name, unit, self.arrow)))

    def distance(self, mean: float) -> float:
        """How far a mean is from the goal: the least is best; ValueError for a score without."""
        if self.goal is None:
            raise ValueError(f"{self.name} has no goal: neither end of its scale is better")
        if math.isfinite(self.goal):
            return abs(mean - self.goal)
        return mean if self.goal == LOWER else -mean


LOWER_IS_BETTER = (
    "fd", "fid", "fd_infinity", "class_fd", "sfd", "kid", "mmd", "forward_kl", "reverse_kl",
    "wasserstein", "sliced_wasserstein", "swd", "copies", "ndb", "ndb_js", "nll",
    "bits_per_dimension", "prior_gap", "distortion", "mse", "rmse", "mae", "lpips", "ppl",
    "leakage", "error", "content", "style", "warp_mae",
)  # fmt: skip
HIGHER_IS_BETTER = (
    "inception_score", "precision", "recall", "density", "coverage", "accuracy",
    "prd_precision", "prd_recall", "classification_accuracy", "sample_accuracy", "bleu",
    "r2", "exact_match", "mig", "gain", "warp_gain", "used", "modularity", "disentanglement",
    "completeness", "informativeness", "sap", "irs", "factor_vae_score", "beta_vae_score",
    "modes", "high_quality", "elbo", "iwae", "ais", "log_likelihood", "psnr", "ssim", "ms_ssim",
)  # fmt: skip
# Of vendi, authenticity, ms_ssim_pairs and lpips_pairs noise may have more than data: they have no
# arrow, and are compared with what real data score.
AT_CHANCE_IS_BETTER = (
    "nearer", "nearer_train",  # to training data as often as to held-out
    "nn_accuracy", "nn_accuracy_real", "nn_accuracy_fake",  # a fair coin
)  # fmt: skip
AS_REAL_IS_BETTER = ("diversity", "slope")  # 1: as varied as data, as much as was asked for
ENDS = (
    (AS_REAL_IS_BETTER, 1.0),
    (LOWER_IS_BETTER, LOWER),
    (HIGHER_IS_BETTER, HIGHER),
    (AT_CHANCE_IS_BETTER, 0.5),
)
GOALS = {name: goal for names, goal in ENDS for name in names}
NATS = (
    "rate",
    "distortion",
    "elbo",
    "iwae",
    "ais",
    "log_likelihood",
    "nll",
    "forward_kl",
    "reverse_kl",
)
UNITS: dict[str, str] = {**dict.fromkeys(NATS, "nats"), "psnr": "dB", "gain": "dB"}
WAY = re.compile(r"^(decoded|cas|sample|holes|given)_")  # how it was measured: decoded_r2 is an r2
SETTING = re.compile(r"[_@-]\d+$")  # iwae_64 is an iwae


def score(name: str) -> Score:
    """The score of that name; a number at its end is a setting: `iwae_64`, `recall@5`; one
    before it, the way it was measured: `decoded_r2`.
    """
    kind = SETTING.sub("", name)
    goal = GOALS.get(kind, GOALS.get(WAY.sub("", kind)))
    return Score(name, goal, UNITS.get(kind, UNITS.get(WAY.sub("", kind), "")))
