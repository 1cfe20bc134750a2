"""What docs/losses.md says of losses between two pictures and between their features, and their
errors against the oracles of the tests.
"""

import jax
import numpy as np
from losses import picture_oracles, test_pictures
from losses_entries import Entry
from losses_errors import error

from genlab.losses import features, pictures

PIXELS = "comparison=spec(Comparison, {{{}}})"
FEATURES = (
    'comparison=spec(Comparison, features=spec(Maps, spec(dcgan.Down, 4), ("Conv_0",)), '
    "perceptual={{{}}})"
)
CUT = "the method `CUT`"

PICTURES = {
    "l1": Entry(("mean |y^ - y|",), PIXELS.format('"l1": 100.0'), ""),
    "l2": Entry(("mean (y^ - y)²",), PIXELS.format('"l2": 1.0'), ""),
    "charbonnier": Entry(
        ("mean √((y^ - y)² + epsilon²)",), PIXELS.format('"charbonnier": 1.0'), ""
    ),
    "gradient_difference": Entry(
        ("mean ||Δy^| - |Δy||,  Δ of neighbours, the sum of both axes' means",),
        PIXELS.format('"gradient_difference": 1.0'),
        "",
    ),
    "edge": Entry(
        ("mean √((L y^ - L y)² + epsilon²),  L the sum of four neighbours less 4 times the pixel",),
        PIXELS.format('"edge": 0.05'),
        "",
    ),
    "total_variation": Entry(
        ("mean |Δy^|,  Δ of neighbours, the sum of both axes' means",),
        PIXELS.format('"total_variation": 0.1'),
        "",
    ),
    "masked": Entry(
        ("mean (hole m + valid (1 - m)) |y^ - y|,  m = 1 in the holes",),
        'comparison=spec(Comparison, {"masked": dict(weight=1.0, mask="holes")}), '
        'given=("holes",), generator=spec(Translator, spec(unet.UNet, 1, width=2))',
        "",
    ),
    "ssim": Entry(
        (
            "1 - mean over windows of (2 μ μ' + c₁)(2 cov + c₂) / ((μ² + μ'² + c₁)(σ² + σ'² + c₂))",
            "of (x + 1) / 2;  Gaussian windows of σ 1.5,  c₁ = 0.01²,  c₂ = 0.03²",
        ),
        PIXELS.format('"ssim": dict(weight=1.0, window=7)'),
        "",
    ),
    "ms_ssim": Entry(
        ("1 - Π over scales of (contrast and structure)^w, the coarsest with luminance",),
        PIXELS.format('"ms_ssim": dict(weight=1.0, window=7)'),
        "",
    ),
}
OF_FEATURES = {
    "content": Entry(
        ("Σ over layers of mean (φ(y^) - φ(y))²",), FEATURES.format('"content": 1.0'), ""
    ),
    "content_l1": Entry(
        ("Σ over layers of mean |φ(y^) - φ(y)|",), FEATURES.format('"content_l1": 1.0'), ""
    ),
    "gram": Entry(
        ("Σ over layers of |G(y^) - G(y)|²,  G = FᵀF / (h w c)",),
        FEATURES.format('"gram": 10.0'),
        "",
    ),
    "gram_l1": Entry(
        ("Σ over layers of mean |G(y^) - G(y)|",), FEATURES.format('"gram_l1": 120.0'), ""
    ),
    "statistics": Entry(
        ("Σ over layers of mean over channels of (μ - μ')² + (σ - σ')²",),
        FEATURES.format('"statistics": 10.0'),
        "",
    ),
    "patch_nce": Entry(
        ("mean over layers and places i of -log softmax_j (q_i · k_j / temperature) at j = i",),
        "",
        CUT,
    ),
}


def of_loss(name: str) -> tuple[float, float]:
    """(in value, in gradient), over all the cases of the tests; gradients along random ways."""
    rng, step, values, slopes = np.random.default_rng(3), 1e-6, [], []
    for case in (case for case in test_pictures.CASES if case.split(",")[0] == name):
        loss, (output, target), arguments = test_pictures.CASES[case]
        oracle = getattr(picture_oracles, name)

        def mean(output, loss=loss, target=target, arguments=arguments):
            found = loss(output, jax.tree.map(np.float32, target), **arguments)
            return found.mean(), found

        (_, found), grads = jax.jit(jax.value_and_grad(mean, has_aux=True))(
            jax.tree.map(np.float32, output)
        )
        values.append(error(found, oracle(output, target, **arguments)))
        got, wanted = [], []
        for _ in range(8):
            way = jax.tree.map(lambda x: rng.normal(size=x.shape), output)
            up, down = (
                oracle(
                    jax.tree.map(lambda x, w, s=s: x + s * step * w, output, way),
                    target,
                    **arguments,
                )
                for s in (1, -1)
            )
            wanted.append((up - down).mean() / 2 / step)
            pairs = zip(jax.tree.leaves(grads), jax.tree.leaves(way), strict=True)
            got.append(sum((np.float64(g) * w).sum() for g, w in pairs))
        slopes.append(error(got, wanted))
    return max(values), max(slopes)


GROUPS = (
    (
        "Losses between two pictures",
        "Of an output y^ and its target y, both in [-1, 1], in a `Comparison` of `Regression` or "
        "`GAN`; each is given as a weight, or as a dict of `weight` and arguments.",
        pictures,
        PICTURES,
    ),
    (
        "Losses between the features of two pictures",
        "Of the maps φ that a network has of output and target: `Maps` of any network, random or "
        "`spec(trained, ...)`, or `features.vgg` of a user's file. `layers` are the maps' weights.",
        features,
        OF_FEATURES,
    ),
)
