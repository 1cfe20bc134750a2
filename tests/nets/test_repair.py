"""Networks that repair, restyle, paint label maps and bend garments: counted against their authors'
networks, and against NumPy.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import cases, count, drawn, image, np_conv, traced, z
from scipy.interpolate import RBFInterpolator

from genlab.config import ConfigError
from genlab.nets import (
    Maps,
    Translator,
    adain,
    dcgan,
    inpainting,
    mlp,
    partial,
    spade,
    vgg,
    warping,
)
from genlab.nets.layers import contextual

RNG = np.random.default_rng(0)


def holed(size, channels=3):
    return {"holed": image(size, channels), "mask": image(size, 1)}


def given(size, *channels):
    return {name: image(size, c) for name, c in zip(("garment", "person"), channels, strict=True)}


# network, inputs, what the authors' code has, and why ours has another number
OFFICIAL = {
    # JiahuiYu/generative_inpainting: both stages, and the critic of picture and mask
    "gated": (Translator(inpainting.Gated()), (None, holed(64)), 4_052_478, 0),
    "its critic": (inpainting.Discriminator(), (image(64, 4),), 5_946_816, 0),
    # naoto0804/pytorch-inpainting-with-partial-conv, 8 and 7 levels
    "partial, 8": (Translator(partial.UNet()), (None, holed(256)), 32_859_732, 0),
    "partial, 7": (Translator(partial.UNet(depth=7)), (None, holed(128)), 25_779_796, 0),
    # xunhuang1995/AdaIN-style; torchvision's convolutions
    # its encoder, whose first 1x1 convolution (12) is the normalisation of pictures
    "adain's encoder": (vgg.VGG(19, ("relu4_1",), padding="reflect"), (image(32),), 3_505_740, -12),
    "adain's decoder": (adain.Decoder(), (image(4, 512),), 3_505_219, 0),
    "vgg 16": (vgg.VGG(16, ("relu5_3",)), (image(32),), 14_714_688, 0),
    "vgg 19": (vgg.VGG(19, ("relu5_4",)), (image(32),), 20_024_384, 0),
    # NVlabs/SPADE, Cityscapes' 36 and COCO's 184 channels
    "spade, 36": (spade.Generator(), (image(32, 36),), 93_048_003, 0),
    "spade, 184": (spade.Generator(), (image(32, 184),), 97_480_899, 0),
}


@pytest.mark.parametrize("name", cases(OFFICIAL, ("partial, 7", "spade, 184", "vgg 16")))
def test_as_many_parameters_as_the_authors_network(name):
    net, inputs, official, difference = OFFICIAL[name]
    assert count(net, *inputs) == official + difference


def test_geometric_matching_has_as_many_parameters_as_its_authors_network():
    """sergeywong/cp-vton at 256x192; biases before BatchNorm there: 512 + 256 + 128 + 64."""
    shapes = {"garment": (2, 256, 192, 3), "person": (2, 256, 192, 22)}
    cond = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}
    net = Translator(warping.Matching(), bounded=False)
    assert traced(net, None, cond)[0].shape == (2, 256, 192, 3)
    assert count(net, None, cond) == 19_057_650 - 960


def test_a_gated_stage_sees_the_other_only_inside_the_hole():
    """Both stages are sown; without a hole nothing of the first one reaches the second."""
    net = Translator(inpainting.Gated(1, width=4))
    cond = {
        "holed": RNG.uniform(-1, 1, (2, 16, 16, 1)).astype(np.float32),
        "mask": np.zeros((2, 16, 16, 1), np.float32),
    }
    cond["mask"][1, 4:12, 4:12] = 1
    variables = drawn(net, None, cond)

    @jax.jit
    def run(params):
        made, sown = net.apply({"params": params}, None, cond, mutable=["intermediates"])
        return made, sown["intermediates"]["trunk"]["outputs"]

    made, (coarse, fine) = run(variables["params"])
    np.testing.assert_allclose(made, fine, rtol=1e-5, atol=1e-6)
    trunk = {**variables["params"]["trunk"], "Coarse_0": jax.tree.map(
        lambda a: -a, variables["params"]["trunk"]["Coarse_0"])}  # fmt: skip
    other, (changed, _) = run({"trunk": trunk})
    assert (np.abs(changed - coarse).max((1, 2, 3)) > 1e-3).all()
    moved = np.abs(np.asarray(other) - made).max((1, 2, 3))
    assert moved[0] == 0 and moved[1] > 1e-4


def attended(x, hole):
    """Contextual attention by loops, for one picture."""
    h, w, c = x.shape
    small, known = np.pad(x[::2, ::2], ((1, 1), (1, 1), (0, 0))), []
    holes, wide = np.pad(hole[::2, ::2, 0], 1), np.pad(x, ((1, 1), (1, 1), (0, 0)))
    cells = [(i, j) for i in range(h // 2) for j in range(w // 2)]
    near = {p: small[p[0] : p[0] + 3, p[1] : p[1] + 3].ravel() for p in cells}
    known = [p for p in cells if not holes[p[0] : p[0] + 3, p[1] : p[1] + 3].any()]

    def like(p, q):
        if p not in near or q not in near:
            return 0.0
        return near[p] @ near[q] / max(np.linalg.norm(near[q]), 1e-4)

    def along(score, p, q, order):
        """The pair and its neighbours in a flat order of positions."""
        i, j = order.index(p), order.index(q)
        pairs = [(i + k, j + k) for k in (-1, 0, 1)]
        inside = [(a, b) for a, b in pairs if 0 <= a < len(order) and 0 <= b < len(order)]
        return sum(score(order[a], order[b]) for a, b in inside)

    columns = sorted(cells, key=lambda p: (p[1], p[0]))
    canvas = np.zeros((h + 2, w + 2, c))
    for p in cells:
        scores = [along(lambda a, b: along(like, a, b, cells), p, q, columns) for q in known]
        weights = np.exp(10 * (np.array(scores) - max(scores)))
        weights /= weights.sum()
        for weight, q in zip(weights, known, strict=True):
            patch = wide[2 * q[0] : 2 * q[0] + 4, 2 * q[1] : 2 * q[1] + 4]
            canvas[2 * p[0] : 2 * p[0] + 4, 2 * p[1] : 2 * p[1] + 4] += weight * patch / 4
    return canvas[1:-1, 1:-1]


def test_contextual_attention_by_loops_with_a_mask_for_each_example():
    x, hole = 0.1 * RNG.normal(size=(2, 6, 8, 2)), np.zeros((2, 6, 8, 1))
    hole[0, :2, :2], hole[1, 4:, 6:] = 1, 1
    expected = np.stack([attended(a, m) for a, m in zip(x, hole, strict=True)])
    made = jax.jit(contextual.contextual_attention)(np.float32(x), np.float32(hole))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-5)


def test_a_partial_convolution_of_what_is_known_alone():
    """Against a loop; of a constant picture and equal taps it is the constant wherever anything is
    known.
    """
    x, known = RNG.normal(size=(1, 6, 6, 2)), np.float64(RNG.random((1, 6, 6, 2)) > 0.6)
    known[0, :3, :3] = 0
    net = partial.PartialConv(3, kernel=3, stride=2, bias=True)
    variables = drawn(net, np.float32(x), np.float32(known))
    kernel = np.float64(variables["params"]["Conv_0"]["kernel"])
    bias = np.float64(variables["params"]["bias"])
    expected, now = np.zeros((3, 3, 3)), np.zeros((3, 3))
    wide, mask = (np.pad(v[0], ((1, 1), (1, 1), (0, 0))) for v in (x, known))
    for i, j in np.ndindex(3, 3):
        m = mask[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        if m.any():
            seen = wide[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * m
            expected[i, j] = np.tensordot(seen, kernel, 3) * 18 / m.sum() + bias
            now[i, j] = 1
    made, after = jax.jit(net.apply)(variables, np.float32(x), np.float32(known))
    np.testing.assert_allclose(made[0], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(after[0, ..., 0], now)
    assert 0 < now.sum() < 9


def test_vgg_by_hand_and_what_it_takes():
    """Two blocks' first layers: normalised RGB, convolutions, the largest of 2x2."""
    x = RNG.uniform(-1, 1, (1, 4, 4, 3))
    net = vgg.VGG(16, ("relu1_1", "conv2_1"))
    variables = drawn(net, np.float32(x), scale=0.05)
    p = variables["params"]
    h = ((x + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    first = np.maximum(np_conv(h, p["conv1_1"]), 0)
    second = np.maximum(np_conv(first, p["conv1_2"]), 0)
    pooled = np.maximum.reduce([second[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])
    expected = first, np_conv(pooled, p["conv2_1"])
    for got, wanted in zip(jax.jit(net.apply)(variables, np.float32(x)), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    with pytest.raises(ConfigError, match="no layer 'relu1_3'"):
        vgg.VGG(19, ("relu1_3",))
    with pytest.raises(ConfigError, match="1 or 3 channels, these have 4"):
        traced(net, image(8, 4))


def test_maps_of_layers_by_name():
    net = Maps(dcgan.Down(width=2, norm="Identity"), ("Conv_1", "Conv_0"))
    x = np.float32(RNG.normal(size=(2, 16, 16, 1)))
    variables = drawn(net, x)
    coarse, fine = jax.jit(net.apply)(variables, x)
    assert coarse.shape == (2, 4, 4, 4) and fine.shape == (2, 8, 8, 2)
    with pytest.raises(ConfigError, match=r"no layer 'Conv_7'.*Conv_"):
        traced(net.clone(at=("Conv_7",)), image(16, 1))
    with pytest.raises(ConfigError, match="no layer 'Dense_0' that gives a map"):
        traced(Maps(mlp.Down((4,)), ("Dense_0",)), image(4, 1))


def test_a_spatially_adaptive_norm_is_modulated_at_every_position():
    net = spade.SPADE(hidden=2, norm="InstanceNorm")
    x, seen = RNG.normal(size=(2, 4, 4, 3)), RNG.normal(size=(2, 8, 8, 1))
    variables = drawn(net, np.float32(x), np.float32(seen))
    p = variables["params"]
    h = np.maximum(np_conv(seen[:, ::2, ::2], p["Conv_0"]), 0)
    plain = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    expected = plain * (1 + np_conv(h, p["gamma"])) + np_conv(h, p["beta"])
    made = jax.jit(net.apply)(variables, np.float32(x), np.float32(seen))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "doublings, latent", [(4, None), pytest.param(6, 3, marks=pytest.mark.slow)]
)
def test_a_label_map_becomes_a_picture_with_and_without_a_latent(doublings, latent):
    net = Translator(spade.Generator(width=1, doublings=doublings, hidden=2), z_as="norms")
    made, variables = traced(net, latent and z(latent), {"map": image(64, 4)})
    assert made.shape == (2, 64, 64, 3)
    first = variables["params"]["trunk"]["first"]["kernel"].shape
    assert first == ((3, 3, 4, 16) if latent is None else (3, (64 >> doublings) ** 2 * 16))


def test_a_warp_of_nothing_is_the_identity_and_offsets_move_the_grids_points():
    size = (9, 13)
    x = np.float32(RNG.normal(size=(2, *size, 2)))

    @jax.jit
    def run(offsets, theta):
        still = warping.spline_grid(jnp.zeros((2, 9, 2)), size)
        rest = warping.affine_grid(jnp.zeros((2, 6)), size)
        bent = warping.spline_grid(offsets, size)
        both = [warping.sampled(x, grid) for grid in (still, rest)]
        return *both, bent, still, warping.affine_grid(theta, size)

    offsets = np.float32(RNG.normal(size=(2, 9, 2)) / 4)
    theta = np.float32([[0.0, 0, 0.5, 0, 0, 0], [0, 1, 0, 0, 0, 0]])
    same, resting, bent, still, moved = jax.device_get(run(offsets, theta))
    np.testing.assert_allclose(same, x, atol=1e-5)
    np.testing.assert_allclose(resting, x, atol=1e-5)
    rows, columns = np.ix_((0, 4, 8), (0, 6, 12))
    at = (bent - still)[:, rows, columns].reshape(2, 9, 2)
    np.testing.assert_allclose(at, offsets, atol=1e-4)
    np.testing.assert_allclose(moved[0] - still[0], np.tile([0.5, 0], (*size, 1)), atol=1e-6)
    np.testing.assert_allclose(moved[1, ..., 0], still[1, ..., 0] + still[1, ..., 1], atol=1e-6)


def test_a_thin_plate_spline_bends_least():
    """Between its points it is the interpolation by r^2 log r^2 and a plane, as SciPy has it."""
    offsets, size = RNG.normal(size=(1, 9, 2)) / 4, (5, 7)
    grid = jax.jit(lambda o: warping.spline_grid(o, size))(np.float32(offsets))
    places, points = warping._places(size), warping._places((3, 3))
    spline = RBFInterpolator(points, offsets[0], kernel="thin_plate_spline", degree=1)
    np.testing.assert_allclose(grid[0].reshape(-1, 2), places + spline(places), atol=1e-4)


def test_sampling_is_linear_between_pixels_and_repeats_the_border():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)  # 4 row + column
    places = [(-1, -1), (1, 1), (0, 0), (-1 / 3, 0.5), (-5, 0), (0, 9)]
    grid = np.float32(places).reshape(1, 1, -1, 2)
    made = np.asarray(jax.jit(warping.sampled)(x, grid)).ravel()
    rows = [np.clip(y + 1, 0, 2) for _, y in places]
    columns = [np.clip((v + 1) * 1.5, 0, 3) for v, _ in places]
    np.testing.assert_allclose(made, 4 * np.array(rows) + columns, rtol=1e-5)
    slope = jax.jit(jax.grad(lambda g: warping.sampled(x, g).sum()))(grid)
    for between in (
        2,
        3,
    ):  # the first of them is at a whole row, where the slope is to the next one
        np.testing.assert_allclose(slope[0, 0, between], [1.5, 4], rtol=1e-5)


def test_correlation_is_the_cosine_of_every_pair_of_places():
    x, y = RNG.normal(size=(2, 2, 2, 3, 4))
    made = np.asarray(jax.jit(warping.correlation)(np.float32(x), np.float32(y)))
    for i, j, k, m in np.ndindex(2, 3, 2, 3):
        a, b = x[1, i, j], y[1, k, m]
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        np.testing.assert_allclose(made[1, i, j, 3 * k + m], cosine, rtol=1e-4, atol=1e-6)


def test_an_affine_warp_and_what_cannot_be_is_refused_with_what_to_do():
    fields = dict(width=1, norm="InstanceNorm")
    affine = Translator(warping.Matching(kind="affine", **fields))
    params = traced(affine, None, given(64, 3, 2))[1]["params"]["trunk"]
    assert params["Regression_0"]["Dense_0"]["kernel"].shape == (1, 6)
    for net, cond, message in [
        (warping.Matching(), given(48, 3, 2), "48x48 and 48x48.*multiples of 64"),
        (warping.Matching("cloth"), given(64, 3, 2), "column 'cloth'.*given garment, person"),
        (inpainting.Gated(), holed(12), "12x12.*multiples of 8"),
        (inpainting.Gated(), holed(16, 1), "1 channels: set channels=1"),
        (inpainting.Gated(), {"holed": image(8)}, "column 'mask' is 1.*given holed"),
        (partial.UNet(), holed(64), "64x64 cannot be halved 8 times"),
        (spade.Generator(), {"map": image(48, 2)}, "48x48.*multiples of 32"),
        (spade.Generator(doublings=3), {"map": image(48, 2)}, "doublings=3.*at least 4"),
    ]:
        with pytest.raises(ConfigError, match=message):
            traced(Translator(net), None, cond)
    with pytest.raises(ConfigError, match=r"kind is 'thin'.*spline, affine"):
        warping.Matching(kind="thin")
