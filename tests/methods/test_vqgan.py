"""VQ-GAN: the adaptive weight and both losses, written out with the derivatives of whole losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError, build, override, spec
from genlab.methods import VQGAN, Comparison
from genlab.nets import Discriminator, mlp, patchgan, quantise, vqvae
from genlab.train.program import prepare

NET = {"width": 4, "halvings": 1, "blocks": 0}
X = np.float32(np.random.default_rng(1).uniform(-1, 1, (4, *tiny.SHAPE)))


def config(critic=None, **kwargs):
    method = spec(
        VQGAN, spec(vqvae.Down, 3, **NET), spec(quantise.Codebook, 6, codebook=0.5),
        spec(vqvae.Up, tiny.SHAPE, **NET), critic or spec(Discriminator, spec(mlp.Down, (5,))),
        spec(Comparison, {"l1": 2.0}), **kwargs,
    )  # fmt: skip
    return tiny.experiment(method, ("vae", "disc"))


@pytest.fixture(scope="module")
def made():
    """(the method, params)."""
    method = build(config(weight=0.7, start=3).method)
    return method, tiny.parameters(method.init, {"image": X})[0]


def parts(method, params):
    """(quantised, reconstructions, logits of them), without the method's own functions."""
    of = lambda net, name, x: net.apply({"params": params[name]}, x)  # noqa: E731
    found = of(method.quantiser, "quantiser", of(method.encoder, "encoder", X))
    made = of(method.decoder, "decoder", found.z)
    return found, made, of(method.discriminator, "disc", made)


def test_the_adaptive_weight_is_the_ratio_of_gradients_at_the_last_kernel(made):
    method, params = made
    batch, key = {"image": X}, random.key(7)
    of = jax.jit(method.coder_loss)

    def slope(term):
        def loss(kernel):
            decoder = {
                **params["decoder"],
                "image": {**params["decoder"]["image"], "kernel": kernel},
            }
            _, made, logits = parts(method, {**params, "decoder": decoder})
            return 2 * jnp.abs(made - X).mean() if term == "compared" else -logits.mean()

        return jax.grad(loss)(params["decoder"]["image"]["kernel"])

    slopes, (found, made, logits) = jax.jit(
        lambda p: ([slope("compared"), slope("against")], parts(method, p))
    )(params)
    compared, against = (np.linalg.norm(np.ravel(x)) for x in slopes)
    balance = compared / (against + 1e-4)
    coded = 0.25 * found.losses["commitment"].mean() + 0.5 * found.losses["codebook"].mean()
    plain = 2 * np.abs(made - X).mean() + coded
    for step, takes_part in ((2, 0.0), (3, 1.0)):
        loss, (_, seen) = of(params, {}, batch, key, jnp.asarray(step))
        np.testing.assert_allclose(seen["balance"], balance, rtol=1e-3)
        expected = plain - takes_part * 0.7 * balance * logits.mean()
        np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_the_critic_tells_pictures_from_reconstructions_once_it_takes_part(made):
    method, params = made
    fake, real = jax.jit(
        lambda p: (parts(method, p)[2], method.discriminator.apply({"params": p["disc"]}, X))
    )(params)
    hinge = (np.maximum(1 - real, 0) + np.maximum(1 + fake, 0)).mean()
    of = jax.jit(method.critic_loss)
    for step, takes_part in ((2, 0.0), (3, 1.0)):
        loss, _ = of(params, {}, {"image": X}, random.key(7), jnp.asarray(step))
        np.testing.assert_allclose(loss, takes_part * hinge, rtol=1e-4)
    owns = {name: player.owns for name, player in method.players().items()}
    assert owns == {"vae": ("encoder", "quantiser", "decoder"), "disc": ("disc",)}


def test_critics_of_patches_fit_and_what_does_not_is_refused():
    prepare(config(spec(patchgan.Discriminator, 16, width=4)))
    wrong = config(last="imaeg.kernel")
    with pytest.raises(ConfigError, match=r"did you mean 'image\.kernel'"):
        prepare(wrong)
    wide = config()
    override(wide, "method.decoder.shape", (8, 8, 2))
    with pytest.raises(ConfigError, match=r"method\.decoder\.shape=\(8, 8, 1\)"):
        prepare(wide)
    for kwargs, says in (
        ({"objective": "multi_hinge"}, "plain logits"),
        ({"given": ("label",)}, "CodePrior"),
    ):
        with pytest.raises(ConfigError, match=says):
            build(config(**kwargs).method)
