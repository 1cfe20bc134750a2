"""What a reader must know beside a score: few samples, unequal counts, lossy files."""

from collections.abc import Iterator, Mapping

from genlab.evaluation.parts import REAL
from genlab.evaluation.sample_set import SampleSet
from genlab.features.space import GIVEN

FEW = 1_000  # samples: below, scores of two sets vary much from draw to draw
KNOWN = 0.8  # accuracy or R2 on real pictures, below which a reader is not to be relied on
LOSSY = ("jpg", "jpeg", "jpe", "jfif", "gif", "webp")


def of_sets(real: SampleSet, fake: SampleSet) -> tuple[str, ...]:
    """Of two sets that were compared, a clause each; the features are not computed for it."""
    return tuple(_of_sets(real, fake))


def of_files(kinds: str) -> tuple[str, ...]:
    """Of samples that were read from files of these kinds, "jpg, png"."""
    found = [kind for kind in kinds.split(", ") if kind in LOSSY]
    if not found:
        return ()
    return (
        f"the samples are lossy files ({', '.join(found)}): what compression changed is scored "
        "with the rest; save PNG",
    )


def of_control(samples: int, by_factor: Mapping[str, Mapping[str, Mapping]]) -> tuple[str, ...]:
    """Of a table of factors: few samples, and factors that the reader does not know itself."""
    found = []
    if samples < FEW:
        found.append(f"{samples:,} samples, fewer than {FEW:,}: scores vary from draw to draw")
    for name, cells in by_factor.get(REAL, {}).items():
        for score in {"accuracy", "r2"} & cells.keys():
            value = cells[score][0] if isinstance(cells[score], tuple) else cells[score]
            if value < KNOWN:
                found.append(
                    f"the reader's own {score} of {name!r} on real pictures is {value:.2f}: "
                    "what it says of samples is no surer; train it longer (factors.steps), or give "
                    "it another trunk"
                )
    return tuple(found)


def _of_sets(real: SampleSet, fake: SampleSet) -> Iterator[str]:
    samples, count = len(fake), len(real)
    if samples < FEW:
        yield (
            f"{samples:,} samples, fewer than {FEW:,}: scores of so few vary from draw to draw and "
            "are biased; compare them only with scores of as many"
        )
    known = "taps" in vars(fake) or fake.space is GIVEN
    width = fake.features.shape[1] if known and "features" in fake.taps else 0
    if samples < width:
        yield (
            f"fewer samples ({samples:,}) than the features have dimensions ({width:,}): their "
            "covariance is singular, and a Frechet distance is largely bias"
        )
    if samples != count:
        yield (
            f"{samples:,} samples against {count:,} real images: most scores depend on both counts"
        )
