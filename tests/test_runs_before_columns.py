"""Run folders of a GAN and a VAE sweep from before examples were named columns, when networks had
`classes` and a GAN's options were flags: they are read, are the same runs, and go on.

`runs_before_columns.zip` was made at commit 455b733 (2 CPU cores, x86-64, jax 0.10.2): four rounds
of each variant, `*_after.npz` what four more made of it there.
"""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

from genlab import Experiment, Loop, fit, spec
from genlab.augment import diff_augment, image, instance_noise
from genlab.config import override
from genlab.data import digits
from genlab.evaluation import Bound, Fidelity, Reconstruction
from genlab.evaluation.evaluate import evaluate
from genlab.features import Pixels
from genlab.game import dynamics
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.methods.gan import options
from genlab.nets import Decoder, Discriminator, Encoder, Generator, heads, mlp
from genlab.nets.layers import spectral
from genlab.report import write
from genlab.runs.folder import RunFolder
from genlab.sampling.draw import SampleRequest, generate
from genlab.sweep.plan import configure

SHAPE = (8, 8, 1)
FIDELITY = spec(Fidelity, spec(Pixels), samples=40, draws=1, scores=("fd", "precision_recall"))
LOOP = spec(
    Loop, steps=4, rounds_per_call=2, log_every=1, checkpoint_every=2, sample_every=2,
    evaluate_every=2, best="fidelity/fd", devices=1,
)  # fmt: skip


def gan():
    adam = spec(optax.adam, 2e-4, b1=0.5)
    generator = spec(Generator, spec(mlp.Up, SHAPE, (16,), norm="BatchNorm"))
    method = spec(GAN, generator, spec(Discriminator, spec(mlp.Down, (16,))), latent=8)
    return spec(
        Experiment, method=method, data=spec(digits, augment=(spec(image.rotate, 5.0),)),
        optim={"disc": adam, "gen": adam}, ema={"gen": 0.9}, batch_size=16, recalibrate=2,
        evaluate={"fidelity": FIDELITY}, loop=LOOP, title="Before columns: GAN",
    )  # fmt: skip


def gan_variants():
    up = spec(mlp.Up, SHAPE, (16,), norm="ConditionalBatchNorm")
    critic = spec(heads.ProjectionDiscriminator, spec(mlp.Down, (16,)))
    return {
        "plain": {
            "method.objective": "wasserstein",
            "method.penalties": {"gradient_penalty": 10.0},
            "method.critic_moves": 2,
        },
        "flags": {
            "method.options": (
                spec(options.generator_batch, 2),
                spec(options.pooled, 32),
                spec(options.smoothed, 0.1),
                spec(options.top, 0.5),
                spec(options.latent_step, 0.9, 5.0),
            ),
            "method.dynamics": (spec(dynamics.simultaneous),),
        },
        "packed": {"method.options": (spec(options.packed, 2),)},
        "labelled": {
            "method.generator": spec(Generator, up),
            "method.discriminator": spec(spectral.SpectralNorm, critic),
            "method.augment": (spec(instance_noise, 0.1), spec(diff_augment)),
            "method.given": ("label",),
        },
    }


def vae():
    encoder = spec(Encoder, spec(mlp.Down, (16,), norm="BatchNorm"), latent=4)
    decoder = spec(Decoder, spec(mlp.Up, SHAPE, (16,)))
    method = spec(VAE, encoder, decoder, spec(likelihood.bernoulli))
    scores = {"bound": spec(Bound, 4), "reconstruction": spec(Reconstruction)}
    return spec(
        Experiment, method=method, data=spec(digits), batch_size=16,
        optim={"vae": spec(optax.adam, 1e-3, eps=1e-3)},
        evaluate={"fidelity": FIDELITY, **scores}, loop=LOOP,
        title="Before columns: VAE",
    )  # fmt: skip


def vae_variants():
    return {
        "plain": {},
        "labelled": {"method.encoder.trunk.norm": "Identity", "method.given": ("label",)},
    }


FILES = {
    "gan": SimpleNamespace(config=gan, sweep=gan_variants, __file__=__file__),
    "vae": SimpleNamespace(config=vae, sweep=vae_variants, __file__=__file__),
}
RUNS = [(name, variant) for name, file in FILES.items() for variant in file.sweep()]
FIRST = (("gan", "flags"), ("vae", "plain"))
each_run = pytest.mark.parametrize(
    ("name", "variant"),
    [pytest.param(*run, marks=() if run in FIRST else pytest.mark.slow) for run in RUNS],
)


def unpacked(folder):
    with zipfile.ZipFile(Path(__file__).with_name("runs_before_columns.zip")) as file:
        file.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return unpacked(tmp_path_factory.mktemp("before"))


@each_run
def test_a_run_of_before_is_the_same_run_and_goes_on(name, variant, before):
    """To what the code of then made of it. Its own config, and today's, name the same run."""
    workdir = before / name / variant / "seed0"
    config = configure(FILES[name], variant, {"seed": 0})
    RunFolder.start(workdir, RunFolder.at(workdir).config)
    for field, value in {"steps": 8, "sample_every": 0, "evaluate_every": 16}.items():
        override(config, f"loop.{field}", value)  # it is scored and drawn in the test below
    state = fit(config, workdir)
    with np.load(before / f"{name}_after.npz") as file:
        expected = {n.partition("|")[2]: file[n] for n in file if n.startswith(f"{variant}|")}
    leaves = jax.tree_util.tree_leaves_with_path((state.params, state.stats, state.ema))
    assert len(leaves) == len(expected) >= 10
    for path, leaf in leaves:  # on another CPU the last bit may be another
        np.testing.assert_allclose(leaf, expected[jax.tree_util.keystr(path)], rtol=1e-4, atol=1e-6)


@each_run
def test_a_run_of_before_is_sampled_and_evaluated(name, variant, before):
    workdir = before / name / variant / "seed0"
    label = "7" if variant == "labelled" else None
    (file,) = generate(workdir, SampleRequest(n=4, label=label, formats=("npz",)))
    with np.load(file) as made:
        assert made["image"].shape == (4, *SHAPE)
    scores = {row["name"]: row["scores"] for row in evaluate(workdir)}
    assert np.isfinite(scores["fidelity"]["fd"])


@pytest.mark.parametrize("name", ["vae", pytest.param("gan", marks=pytest.mark.slow)])
def test_a_sweep_of_before_is_reported_with_the_scores_it_had(name, tmp_path):
    before = unpacked(tmp_path)
    rows = RunFolder(before / name / "plain" / "seed0").rows("evals.jsonl")
    tested = [row for row in rows if row["protocol"]["split"] == "test" and "fd" in row["scores"]]
    made = write(before / name)
    assert all(variant in made.markdown for variant in FILES[name].sweep())
    assert f"{tested[0]['scores']['fd']:.2f}"[:4] in made.markdown
