"""DINOv2 and CLIP: the references' numbers, layouts of files, and what is refused."""

import jax
import numpy as np
import pytest
from metrics.golden import vit as golden
from metrics.golden.case import compare

from genlab.config import ConfigError
from genlab.features import CLIP, DINOv2, backbones
from genlab.features.vit import gelu, interpolated, quick_gelu
from genlab.features.vit import vit as network
from genlab.features.weights import towers
from genlab.features.weights.files import WeightsError

vit = jax.jit(network, static_argnames=("epsilon", "activation"))


def saved(folder, tensors, name="weights.npz"):
    np.savez(folder / name, **tensors)
    return str(folder / name)


def hugging_face(tensors):
    """OpenAI's tensors under the names of Hugging Face's CLIPModel, and some of its text tower."""
    named = {
        "vision_model.embeddings.position_ids": np.arange(1 + golden.SIDE**2)[None],
        "text_model.final_layer_norm.weight": np.ones(3, np.float32),
        "logit_scale": np.ones((), np.float32),
    }
    plain = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1.weight": "embeddings.patch_embedding.weight",
    }
    parts = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
             "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj"}  # fmt: skip
    for name, value in tensors.items():
        name = name.removeprefix("visual.")
        if name == "proj":
            named["visual_projection.weight"] = value.T
        elif name in plain:
            named[f"vision_model.{plain[name]}"] = value
        elif name.startswith("ln_"):
            name = name.replace("ln_pre", "pre_layrnorm").replace("ln_post", "post_layernorm")
            named[f"vision_model.{name}"] = value
        else:
            _, _, i, rest = name.split(".", 3)
            stem = f"vision_model.encoder.layers.{i}"
            if rest.startswith("attn.in_proj_"):
                kind = rest.removeprefix("attn.in_proj_")
                for part, third in zip("qkv", np.split(value, 3), strict=True):
                    named[f"{stem}.self_attn.{part}_proj.{kind}"] = third
            else:
                module, kind = rest.rsplit(".", 1)
                named[f"{stem}.{parts[module]}.{kind}"] = value
    return named


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_hugging_faces_names_and_a_text_tower_beside_are_the_same_clip():
    openai = towers.clip({**golden.clip(), "positional_embedding": np.zeros((77, 8))})
    other = towers.clip(hugging_face(golden.clip()))
    for first, second in ((openai._asdict(), other._asdict()), (openai.blocks, other.blocks)):
        for name in first.keys() - {"blocks"}:
            np.testing.assert_array_equal(first[name], second[name])


def test_sizes_are_read_off_the_tensors():
    tower = towers.dinov2(golden.dinov2(registers=True))
    assert tower.patch.shape == (golden.WIDTH, 3, golden.PATCH, golden.PATCH)
    assert tower.registers.shape == (golden.REGISTERS, golden.WIDTH)
    assert tower.blocks["mlp.fc1.weight"].shape == (golden.DEPTH, 4 * golden.WIDTH, golden.WIDTH)


def test_blocks_scaled_by_0_do_nothing():
    tensors = golden.dinov2(registers=False)
    tensors |= {name: 0 * v for name, v in tensors.items() if name.endswith("gamma")}
    tower = towers.dinov2(tensors)
    x = np.random.default_rng(0).normal(size=(1, golden.SIZE, golden.SIZE, 3)).astype(np.float32)
    token = (tower.token + tower.positions[0]).astype(np.float64)
    token = (token - token.mean()) / np.sqrt(token.var() + 1e-6)
    expected = token * tower.after[0] + tower.after[1]
    np.testing.assert_allclose(
        vit(tower, x, epsilon=1e-6, activation=gelu)[0, 0], expected, rtol=2e-4, atol=1e-5
    )


def test_without_layerscale_is_with_scales_of_1():
    scaled = golden.dinov2(registers=False)
    scaled |= {name: np.ones_like(v) for name, v in scaled.items() if name.endswith("gamma")}
    plain = {name: v for name, v in scaled.items() if not name.endswith("gamma")}
    x = np.random.default_rng(0).normal(size=(1, golden.SIZE, golden.SIZE, 3)).astype(np.float32)
    first, second = (
        vit(towers.dinov2(t), x, epsilon=1e-6, activation=gelu) for t in (scaled, plain)
    )
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("antialias", [False, True])
def test_positions_of_another_size(antialias):
    same = golden.grid(5)
    np.testing.assert_array_equal(interpolated(same, 5, antialias), same)
    constant = np.ones((26, 3), np.float32)
    for side in (2, 3, 8):
        found = interpolated(constant, side, antialias)
        np.testing.assert_allclose(found, np.ones((1 + side**2, 3)), rtol=1e-5)


def test_the_middle_square_of_any_number_of_images_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "BATCH", 2)
    space = DINOv2(saved(tmp_path, golden.dinov2(False)), size=golden.SIZE).space(None, None)
    images = golden.images()
    wide = np.random.default_rng(0).integers(
        0, 256, (3, golden.SIZE, golden.SIZE + 11, 3), np.uint8
    )
    wide[:, :, 5 : 5 + golden.SIZE] = images
    alone = np.concatenate([space.extract(image[None]) for image in images])
    np.testing.assert_allclose(space.extract(wide), alone, rtol=1e-4, atol=1e-5)
    assert space.protocol["resize"] == "clean"
    assert f"{golden.SIZE}x{golden.SIZE}" in space.protocol["input"]


def test_clip_takes_the_activation_that_it_is_told(tmp_path):
    path, images = saved(tmp_path, golden.clip()), golden.images()
    quick = CLIP(path).space(None, None)
    exact = CLIP(path, activation="genlab.features.vit:gelu").space(None, None)
    assert quick.protocol["activation"] == "quick_gelu"
    assert exact.protocol["activation"] == "gelu"
    assert np.abs(quick.extract(images) - exact.extract(images)).max() > 1e-3
    assert quick.taps(images)["token"].shape == (3, golden.WIDTH)
    x = np.linspace(-4, 4, 99, dtype=np.float32)
    assert np.abs(gelu(x) - quick_gelu(x)).max() < 0.03


def without(tensors, *names):
    return {name: v for name, v in tensors.items() if name not in names}


@pytest.mark.parametrize(
    ("network", "tensors", "message"),
    [
        (DINOv2, golden.clip(), "DINOv2.*patch_embed.proj.weight is missing"),
        (CLIP, golden.dinov2(False), "CLIP.*visual.conv1.weight is missing"),
        (DINOv2, without(golden.dinov2(False), "blocks.1.norm1.bias"), "missing: blocks.1.norm1.b"),
        (DINOv2, {**golden.dinov2(False), "head.weight": np.ones(3)}, "unexpected: head.weight"),
        (
            DINOv2,
            {**golden.dinov2(False), "pos_embed": np.ones((1, 16, golden.WIDTH), np.float32)},
            "pos_embed has 16 positions",
        ),
        (CLIP, without(golden.clip(), "visual.proj"), "missing: visual.proj"),
        (
            CLIP,
            without(
                hugging_face(golden.clip()),
                "vision_model.encoder.layers.0.self_attn.k_proj.weight",
            ),
            "missing: .*attn.in_proj_weight",
        ),
    ],
)  # fmt: skip
def test_refuses_the_weights_of_another_network(network, tensors, message, tmp_path):
    with pytest.raises(WeightsError, match=message):
        network(saved(tmp_path, tensors)).space(None, None)


def test_refuses_sizes_that_do_not_divide(tmp_path):
    path = saved(tmp_path, golden.dinov2(False))
    with pytest.raises(ConfigError, match=r"size=30 with patches of 7.*multiple"):
        DINOv2(path, size=30).space(None, None)
    with pytest.raises(ConfigError, match="resize='cubic'; it is one of"):
        DINOv2(path, resize="cubic")
    with pytest.raises(WeightsError, match="128 wide does not divide into heads of 48"):
        CLIP(saved(tmp_path, golden.clip()), head_width=48).space(None, None)
