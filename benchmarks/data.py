"""Images per second of every kind of source, and how long a device waits for them.

Run:    python benchmarks/data.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/data.json: what a source delivers to the device when nothing else is
        done, what a DCGAN of that image size consumes, and the share of a run's time spent waiting
        for data: rounds as `fit` plays them against the same rounds on batches in memory
"""

import collections
import io
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import optax
import record
from jax import lax

from genlab import Experiment, Loop, spec
from genlab.config import as_dict, build
from genlab.data import columns, digits, folder, from_arrays
from genlab.data import sources as genlab_source
from genlab.data.features import Examples, Feature
from genlab.data.sets.toy import ring
from genlab.data.sources import from_readers
from genlab.game import batches_per_round
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, dcgan
from genlab.runtime.placement import by_name
from genlab.train.log import LAG
from genlab.train.program import Training

BATCH, WIDTH, SECONDS = 64, 16, 1.0
RNG = np.random.default_rng(0)


def images(count: int, side: int) -> np.ndarray:
    """Smooth pictures, so that files compress as photographs do."""
    from PIL import Image

    small = RNG.integers(0, 256, (count, 8, 8, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(x).resize((side, side))) for x in small])


def files(at: str, kind: str, count: int = 1_000, side: int = 64) -> str:
    """A folder of image files."""
    from PIL import Image

    path = Path(at) / kind
    path.mkdir()
    for number, x in enumerate(images(count, side)):
        Image.fromarray(x).save(path / f"{number:05}.{kind}")
    return str(path)


def cifar():
    """50,000 images of 32x32x3."""
    return from_arrays(RNG.integers(0, 256, (50_000, 32, 32, 3), np.uint8))


def tfds(at: str, count: int = 2_000, side: int = 32):
    """A set of PNGs that TFDS wrote as array_record, read the way genlab reads its sets."""
    import tensorflow_datasets
    from PIL import Image

    class Pictures(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tensorflow_datasets.core.Version("1.0.0")

        def _info(self):
            image = tensorflow_datasets.features.Image(shape=(side, side, 3))
            features = tensorflow_datasets.features.FeaturesDict({"image": image})
            return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, downloads):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for number, x in enumerate(images(count, side)):
                file = io.BytesIO()
                Image.fromarray(x).save(file, "PNG")
                file.seek(0)
                yield number, {"image": file}

    builder = Pictures(data_dir=at, file_format="array_record")
    builder.download_and_prepare()
    kind = columns.Image((side, side, 3))
    reader = Examples(builder.as_data_source("train"), (Feature("image", ("image",), kind),))
    return from_readers({"train": reader}, {"image": kind})


def streamed(make):
    """The source that `make` gives for sets too large for the device."""
    limit, genlab_source.RESIDENT_BYTES = genlab_source.RESIDENT_BYTES, 0
    try:
        return make()
    finally:
        genlab_source.RESIDENT_BYTES = limit


def delivered(source, batches: int = 10) -> float:
    """Images per second that reach the device as floats, `batches` of them at a time."""
    key = jax.random.key(0)

    @jax.jit
    def use(held, first):
        def one(total, j):
            rows = np.arange(BATCH)
            return total + source.batch(held, key, first + j, j, rows, BATCH)["image"].sum(), None

        return lax.scan(one, 0.0, np.arange(batches))[0]

    held = jax.device_put(source.fetch("train", 0, 0, batches, BATCH))
    use(held, 0).block_until_ready()
    started, first = time.perf_counter(), batches
    while time.perf_counter() - started < SECONDS:
        if not source.resident:
            held = jax.device_put(source.fetch("train", 0, first, batches, BATCH))
        use(held, first).block_until_ready()
        first += batches
    return (first - batches) * BATCH / (time.perf_counter() - started)


def training(source) -> Training:
    """A DCGAN on the source's images, on one device."""
    critic = spec(Discriminator, spec(dcgan.Down, WIDTH))
    generator = spec(Generator, spec(dcgan.Up, source.columns["image"].shape, WIDTH))
    config = spec(
        Experiment,
        spec(GAN, generator, critic, latent=64),
        spec(ring),  # replaces the source: configs hold no arrays
        dict.fromkeys(("disc", "gen"), spec(optax.adam, 2e-4)),
        batch_size=BATCH,
        loop=spec(Loop, rounds_per_call=2),
    )
    experiment = replace(build(config), data=source)
    return Training(
        as_dict(config), experiment, by_name("jit", 1), batches_per_round(experiment.method)
    )


def waiting(source) -> dict:
    """Seconds a round in `fit` and on batches in memory, and the share of time between them."""
    made = training(source)
    k = made.experiment.loop.rounds_per_call
    held, state = made.fetch(0, k), made.init()
    run, key, step = made.compile(state, held, k).run, made.data_key, k

    def play(fetching: bool) -> float:
        nonlocal state, step, held
        started, first, pending = time.perf_counter(), step, collections.deque()
        while time.perf_counter() - started < SECONDS:
            if fetching and not source.resident:
                held = made.fetch(step, k)
            state, metrics = run(state, held, key)
            pending.append(metrics)
            if len(pending) > LAG:
                jax.block_until_ready(pending.popleft())
            step += k
        jax.block_until_ready(state.step)
        return (time.perf_counter() - started) / (step - first)

    play(True)
    pairs = [(play(True), play(False)) for _ in range(3)]
    fetching, at_hand = (sorted(column)[1] for column in zip(*pairs, strict=True))
    share = record.summary([1 - b / a for a, b in pairs])
    eaten = made.moves * BATCH
    return {
        "seconds_per_round": fetching,
        "seconds_per_round_at_hand": at_hand,
        "images_per_second_eaten": eaten / at_hand,
        "share_of_time_waiting": share,
    }


def main() -> None:
    """Measures and writes."""
    record.load()
    found = {}
    with tempfile.TemporaryDirectory() as at:
        png, jpg = files(at, "png"), files(at, "jpg")
        sources = {
            "ring, drawn": ring,
            "digits, resident": digits,
            "CIFAR-size, resident": cifar,
            "CIFAR-size, streamed": lambda: streamed(cifar),
            "32x32 PNG in array_record (TFDS), streamed": lambda: streamed(lambda: tfds(at)),
            "64x64 PNG folder, resident": lambda: folder(png),
            "64x64 PNG folder, streamed": lambda: streamed(lambda: folder(png)),
            "64x64 JPEG folder, streamed": lambda: streamed(lambda: folder(jpg)),
        }
        for name, make in sources.items():
            started = time.perf_counter()
            source = make()
            row = {"seconds_to_open": time.perf_counter() - started}
            row["images_per_second"] = delivered(source)
            if len(source.columns["image"].shape) == 3:
                row |= waiting(source)
            found[name] = row
            print(name, {k: v for k, v in row.items() if k != "share_of_time_waiting"}, flush=True)
    record.write("data", {"batch": BATCH, "width": WIDTH, "sources": found})


if __name__ == "__main__":
    main()
