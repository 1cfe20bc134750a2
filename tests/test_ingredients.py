"""A trained run as an ingredient of another: frozen networks, networks that begin from others."""

import json
import shutil

import jax
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import fit, spec, trained
from genlab.api import fit_vmapped
from genlab.config import ConfigError, override
from genlab.methods import GAN, VAE
from genlab.nets import Discriminator, Encoder, Frozen, mlp
from genlab.runs import ingredients, saved
from genlab.runs.folder import RunFolder
from genlab.runs.identity import identity
from genlab.runtime.progress import Silent
from genlab.sweep import plan, run
from genlab.train import restore
from genlab.train.program import prepare

pytestmark = pytest.mark.usefixtures("kept")
LOOP = {"steps": 4, "checkpoint_every": 2}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A VAE's run folder: checkpoints of rounds 2 and 4, an average of the decoder."""
    folder = tmp_path_factory.mktemp("first") / "vae"
    fit(tiny.vae(ema={"decoder": 0.5}, loop=LOOP), folder)
    return folder


@pytest.fixture
def moved(first, tmp_path):
    """A copy of it, to be changed or removed."""
    return shutil.copytree(first, tmp_path / "copy")


def on_frozen_decoder(folder, step=None, **kwargs):
    """A VAE whose decoder is the trained one, in whose place nothing is learned."""
    method = tiny.vae().method
    decoder = spec(trained, str(folder), "decoder", step)
    return tiny.experiment(
        spec(VAE, method.encoder, decoder, method.likelihood), ("vae",), **kwargs
    )


def leaves(state):
    return [np.asarray(x) for x in jax.tree.leaves(state.replace(key=random.key_data(state.key)))]


def assert_equal(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


AVERAGED = {"loop": LOOP, "ema": {"decoder": 0.9}}


def begun(first, **kwargs):
    """On its frozen decoder, the encoder begun from the trained one."""
    return on_frozen_decoder(first, begin={"encoder": str(first)}, **kwargs)


@pytest.fixture(scope="module")
def second(first, tmp_path_factory):
    """The last state of such a run, and its folder."""
    folder = tmp_path_factory.mktemp("second")
    return fit(begun(first, **AVERAGED), folder), folder


def test_a_frozen_network_is_the_evaluated_one_and_stays_it(first, second):
    state, _ = second
    _, _, _, before = restore.trained(first)
    held = state.stats["decoder"]["frozen"]["weights"]
    assert_equal(held, {"params": before.averaged[0]["decoder"]})
    assert state.params["decoder"] == {}
    assert not jax.tree.leaves(
        state.opt["vae"]
    )  # SGD; and Adam would have moments of the encoder's
    fresh = prepare(begun(first)).init()
    moved = [np.abs(a - b).max() for a, b in zip(*map(leaves, (state, fresh)), strict=True)]
    assert max(moved) > 1e-4
    assert_equal(state.averaged[1]["decoder"], state.stats["decoder"])


def test_gradients_pass_through_it_to_what_feeds_it(first):
    frozen = prepare(on_frozen_decoder(first)).experiment.method
    plain = prepare(tiny.vae()).experiment.method
    weights = ingredients.read(first, "decoder").variables
    x = random.uniform(random.key(1), (8, *tiny.SHAPE), minval=-1.0)
    params, stats = jax.jit(frozen.init)(random.key(0), {"image": x})

    @jax.jit
    def gradients(encoder):
        def loss(method, decoder):
            def of(encoder):
                both = {"encoder": encoder, "decoder": decoder}
                return method.loss(both, stats, {"image": x}, random.key(2), 0)[0]

            return jax.grad(of)(encoder)

        return loss(frozen, {}), loss(plain, weights["params"])

    through, usual = gradients(params["encoder"])
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(through)) > 1e-3
    for a, b in zip(jax.tree.leaves(through), jax.tree.leaves(usual), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_part_of_a_network_runs_as_it_does_in_evaluation(first):
    """The encoder's trunk, whose BatchNorm keeps its running statistics."""
    trunk = trained(str(first), "encoder.trunk")
    assert isinstance(trunk, Frozen) and isinstance(trunk.net, mlp.Down)
    assert set(trunk.networks) == {"encoder", "decoder"} and trunk.given == ()
    x = random.uniform(random.key(1), (8, *tiny.SHAPE))
    _, _, _, state = restore.trained(first)
    own = {"params": state.params["encoder"]["trunk"]}
    own |= {"batch_stats": state.stats["encoder"]["batch_stats"]["trunk"]}
    variables = jax.jit(trunk.init)(random.key(0), x)
    assert "params" not in variables
    made, after = trunk.apply(variables, x, train=True, mutable=["frozen"])
    np.testing.assert_array_equal(made, trunk.net.apply(own, x, train=False))
    assert_equal(after["frozen"], variables["frozen"])


def test_what_a_frozen_critic_sows_is_sown_on():
    net = Discriminator(mlp.Down((4,)))
    x = random.uniform(random.key(0), (2, *tiny.SHAPE))
    variables = {"params": tiny.parameters(net.init, x)["params"]}
    frozen, held = Frozen(net, "none"), {"frozen": {"weights": {"params": variables["params"]}}}
    logits, sown = frozen.apply(held, x, mutable=["intermediates"])
    wanted, features = net.apply(variables, x, mutable=["intermediates"])
    np.testing.assert_array_equal(logits, wanted)
    (found,) = sown["intermediates"]["features"]
    np.testing.assert_array_equal(found, features["intermediates"]["features"][0])


def test_a_player_all_of_whose_networks_are_frozen_is_refused(first):
    generator = spec(trained, str(first), "decoder")
    game = spec(GAN, generator, spec(Discriminator, spec(mlp.Down, (4,))), latent=4)
    with pytest.raises(ConfigError, match=r"'gen' has nothing to train: gen .* frozen.*begin="):
        prepare(tiny.experiment(game, ("disc", "gen")))


@pytest.mark.parametrize(
    ("devices", "placement", "sharding"),
    [
        pytest.param(1, "jit", "replicated", marks=pytest.mark.slow),
        pytest.param(4, "jit", "full", marks=pytest.mark.slow),
        pytest.param(4, "pmap", "replicated", marks=pytest.mark.slow),
    ],
)
def test_a_run_with_ingredients_resumes_bit_for_bit_wherever(
    first, tmp_path, devices, placement, sharding
):
    def config(steps):
        where = {"devices": devices, "placement": placement, "sharding": sharding}
        return begun(first, loop={**LOOP, **where, "steps": steps})

    whole = fit(config(4), tmp_path / "whole")
    fit(config(2), tmp_path / "parts")
    resumed = fit(config(4), tmp_path / "parts")
    assert_equal(leaves(whole), leaves(resumed))
    weights = ingredients.read(first, "decoder").variables
    assert_equal(whole.stats["decoder"]["frozen"]["weights"], weights)


def test_a_run_with_ingredients_resumes_bit_for_bit(first, second, tmp_path):
    """From its checkpoint of round 2."""
    whole, folder = second
    parts = shutil.copytree(folder, tmp_path / "parts")
    shutil.rmtree(parts / "checkpoints" / "4")
    assert_equal(leaves(whole), leaves(fit(begun(first, **AVERAGED), parts)))


def test_a_frozen_network_is_the_same_on_each_device(first):
    """A round under pmap is traced, where JAX proves that the state is the same on all of them."""
    training = prepare(begun(first, loop={"devices": 2, "placement": "pmap"}))
    assert training.shape().params["decoder"] == {}


def test_runs_with_ingredients_share_a_program(first, second, tmp_path):
    configs = [begun(first, seed=seed, **AVERAGED) for seed in (1, 0)]
    _, together = fit_vmapped(configs, [tmp_path / "1", tmp_path / "0"])
    for a, b in zip(leaves(second[0]), leaves(together), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_weights_and_not_the_path_are_the_identity(first, moved, tmp_path):
    def of(config):
        return identity(config, ingredients.used(config))

    assert of(on_frozen_decoder(first)) == of(on_frozen_decoder(moved, 4))
    assert of(on_frozen_decoder(first)) != of(on_frozen_decoder(first, 2))
    begun, plain = tiny.vae(begin={"encoder": str(first)}), tiny.vae()
    assert of(begun) == of(tiny.vae(begin={"encoder": {"run": str(moved), "step": 4}}))
    assert of(begun) != of(plain) and "begin" not in of(plain)
    fit(on_frozen_decoder(moved, loop={"steps": 2}), tmp_path / "run")
    fit(on_frozen_decoder(first, loop={"steps": 2}), tmp_path / "run")  # the same run


def test_a_changed_or_missing_ingredient_is_refused_by_name(moved, tmp_path):
    config = on_frozen_decoder(moved, loop={"steps": 2})
    job = plan.Job("base", 0, config, tmp_path / "run")
    assert run.run([job], tmp_path, "", Silent())[0].status == "done"
    assert run.finished(job)
    fit(tiny.vae(ema={"decoder": 0.5}, loop={**LOOP, "steps": 6}), moved)
    assert not run.finished(job)
    with pytest.raises(
        ConfigError, match=r"other weights at method.decoder.*copy.*round 4.*step=4"
    ):
        fit(config, job.workdir)
    shutil.rmtree(moved)
    assert not run.finished(job)
    with pytest.raises(ConfigError, match="copy is no run folder"):
        fit(config, job.workdir)
    with pytest.raises(ConfigError, match=r"begin.encoder: .*copy is no run folder"):
        prepare(tiny.vae(begin={"encoder": str(moved)}))


def test_a_run_is_read_without_its_ingredients_and_found_when_moved_with_them(moved, tmp_path):
    config = on_frozen_decoder(moved, begin={"encoder": str(moved)}, loop={"steps": 2})
    state = fit(config, tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    moved.rename(tmp_path / "elsewhere" / "copy")
    _, _, _, alone = restore.trained(tmp_path / "run")
    assert_equal(leaves(alone), leaves(state))
    (tmp_path / "run").rename(tmp_path / "elsewhere" / "run")
    found = RunFolder.at(tmp_path / "elsewhere" / "run")
    resumed = fit(found.config, found.path)
    assert_equal(leaves(resumed), leaves(state))
    with pytest.raises(ConfigError, match=r"method.decoder: the weights .* are not at hand"):
        ingredients.HELD.clear()
        prepare(found.standalone).init()


def test_begin_starts_from_the_evaluated_weights_with_fresh_optimisers(first):
    config = tiny.vae(begin={"encoder": str(first), "decoder": f"{first}:decoder"}, seed=3)
    state, fresh = prepare(config).init(), prepare(tiny.vae(seed=3)).init()
    _, _, _, other = restore.trained(first)
    params, stats = other.averaged
    assert_equal(state.params, params)
    assert_equal(state.stats, stats)
    assert_equal(state.opt, fresh.opt)
    assert state.step == 0


def test_begin_names_the_first_leaf_that_differs(first):
    config = tiny.vae(begin={"encoder": f"{first}:decoder"})
    with pytest.raises(ConfigError, match=r"begin.encoder: at batch_stats\..*\.mean .*nothing"):
        prepare(config)
    config = tiny.vae(begin={"decoder": str(first)})
    override(config, "method.decoder.trunk.hidden", (8,))
    with pytest.raises(ConfigError, match=r"begin.decoder: at params\..*bias .*\[8\].*\[16\]"):
        prepare(config)
    with pytest.raises(ConfigError, match="begin names 'gen', which is no network"):
        prepare(tiny.vae(begin={"gen": f"{first}:decoder"}))
    with pytest.raises(ConfigError, match="vae has no network 'decode'; did you mean 'decoder'"):
        trained(str(first), "decode")


def test_a_damaged_checkpoint_is_passed_over(moved):
    """Weights whose bits are not those that were saved."""
    sums = moved / "checkpoints/4/sums/metadata"
    kept = json.loads(sums.read_text())
    sums.write_text(json.dumps({**kept, "weights": kept["weights"] ^ 1}))
    with pytest.warns(UserWarning, match=r"damaged checkpoint .* 4 .*using round 2 instead"):
        found = saved.read(moved / "checkpoints")
    assert (found.step, found.chosen) == (2, "round 2")


def test_the_encoder_of_a_trained_run_keeps_its_attributes(first):
    net = trained(str(first), "encoder")
    assert net.latent == 4 and isinstance(net.net, Encoder)


class File:
    """An experiment whose second variant begins from the first."""

    __file__ = __file__

    @staticmethod
    def config():
        return tiny.vae(loop={"steps": 2})

    @staticmethod
    def sweep():
        return {"base": {}, "begun": {"begin": {"encoder": "{sweep}/base/seed{seed}"}}}


def test_a_variant_begins_from_another_ones_run_of_the_same_seed(tmp_path):
    jobs = plan.plan(File, tmp_path, {}, seeds=(3, 4))
    paths = [job.config.begin.get("encoder") for job in jobs]
    assert paths == [None, f"{tmp_path}/base/seed3", None, f"{tmp_path}/base/seed4"]
    results = run.run(jobs[:2], tmp_path, "", Silent())
    assert [(one.status, one.error) for one in results] == [("done", "")] * 2
    kept = RunFolder(jobs[1].workdir).ingredients["begin.encoder"]
    assert (kept["run"], kept["step"]) == (str(tmp_path / "base" / "seed3"), 2)
    assert run.finished(jobs[1])
    shutil.rmtree(jobs[0].workdir)
    assert not run.finished(jobs[1])
