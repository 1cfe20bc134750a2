"""What a reader must know beside a score: few samples, unequal counts, lossy files."""

from collections.abc import Iterator

from genlab.evaluation.sample_set import SampleSet
from genlab.features.space import GIVEN

FEW = 1_000  # samples: below, scores of two sets vary much from draw to draw
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
