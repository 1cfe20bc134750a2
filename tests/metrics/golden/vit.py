"""DINOv2 and CLIP's image tower, small, with weights from a seed."""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write

WIDTH, DEPTH, PATCH, SIDE, OUTPUTS, REGISTERS = 128, 2, 7, 3, 24, 2
SIZE = PATCH * SIDE
TOKENS = ("token", "tokens", "embed", "embedding")
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def drawn(shapes, seed):
    """Norms and scales about 1, and tokens so small that the epsilon of the first norm shows."""
    rng, found = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        value = rng.standard_normal(shape, np.float32)
        if len(shape) == 1:
            value = 0.3 * value + (name.endswith(("norm1.weight", "norm2.weight", "gamma")))
        elif not name.endswith(TOKENS):
            value = value / np.float32(np.prod(shape[1:]) ** 0.5)
        if name.startswith(("patch_embed", "conv1")) or name.endswith(TOKENS):
            value = 0.01 * value
        found[name] = value.astype(np.float32)
    return found


def dinov2(registers, seed=0, side=SIDE, width=WIDTH):
    """Under the names of facebookresearch/dinov2."""
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + side**2, width),
        "mask_token": (1, width),
        **({"register_tokens": (1, REGISTERS, width)} if registers else {}),
        "patch_embed.proj.weight": (width, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for i in range(DEPTH):
        parts = ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma")
        parts = {name: (width,) for name in (*parts, "ls2.gamma")}
        for name, outs, ins in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            parts |= {f"{name}.weight": (outs, ins), f"{name}.bias": (outs,)}
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in parts.items()}
    return drawn(shapes, seed)


def clip(seed=1):
    """Under the names of openai/CLIP."""
    shapes = {
        "class_embedding": (WIDTH,),
        "positional_embedding": (1 + SIDE**2, WIDTH),
        "proj": (WIDTH, OUTPUTS),
        "conv1.weight": (WIDTH, 3, PATCH, PATCH),
    }
    shapes |= {f"ln_{a}.{b}": (WIDTH,) for a in ("pre", "post") for b in ("weight", "bias")}
    for i in range(DEPTH):
        parts = {f"ln_{j}.{kind}": (WIDTH,) for j in (1, 2) for kind in ("weight", "bias")}
        for name, outs, ins in (
            ("attn.in_proj_", 3 * WIDTH, WIDTH),
            ("attn.out_proj.", WIDTH, WIDTH),
            ("mlp.c_fc.", 4 * WIDTH, WIDTH),
            ("mlp.c_proj.", WIDTH, 4 * WIDTH),
        ):
            parts |= {f"{name}weight": (outs, ins), f"{name}bias": (outs,)}
        shapes |= {f"transformer.resblocks.{i}.{name}": s for name, s in parts.items()}
    return {f"visual.{name}": value for name, value in drawn(shapes, seed).items()}


def images(seed=2):
    return np.random.default_rng(seed).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


def ours_features(network, tensors, **options):
    from genlab import features

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        np.savez(path, **tensors)
        space = getattr(features, network)(str(path), **options).space(None, None)
        return space.extract(images())


def theirs_dinov2(registers):
    import torch
    from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

    model = VisionTransformer(
        img_size=SIZE,
        patch_size=PATCH,
        num_classes=0,
        embed_dim=WIDTH,
        depth=DEPTH,
        num_heads=WIDTH // 64,
        init_values=1.0,
        reg_tokens=REGISTERS if registers else 0,
        no_embed_class=registers,
    ).eval()
    state = {name: torch.from_numpy(value) for name, value in dinov2(registers).items()}
    model.load_state_dict(checkpoint_filter_fn(state, model))
    x = (images() / np.float32(255) - MEAN) / STD
    with torch.no_grad():
        return model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()


def theirs_clip():
    import torch
    from torch_fidelity.feature_extractor_clip import VisionTransformer

    model = VisionTransformer(SIZE, PATCH, WIDTH, DEPTH, WIDTH // 64, OUTPUTS).eval()
    state = {name.removeprefix("visual."): torch.from_numpy(v) for name, v in clip().items()}
    model.load_state_dict(state)
    x = (images() / np.float32(255) - CLIP_MEAN) / CLIP_STD
    with torch.no_grad():
        return model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()


def grid(side, seed=3):
    """A tower's positions, two wide."""
    return np.random.default_rng(seed).standard_normal((1 + side**2, 2), np.float32)


def ours_positions(registers, old, new):
    from genlab.features.vit import interpolated

    return interpolated(grid(old), new, antialias=registers)


def theirs_positions(registers, old, new):
    """As `interpolate_pos_encoding` of facebookresearch/dinov2 asks torch, as its hub sets it."""
    import torch

    token, patches = grid(old)[:1], torch.from_numpy(grid(old)[1:])
    asked = {"size": (new, new)} if registers else {"scale_factor": ((new + 0.1) / old,) * 2}
    patches = torch.nn.functional.interpolate(
        patches.reshape(1, old, old, -1).permute(0, 3, 1, 2),
        mode="bicubic",
        antialias=registers,
        **asked,
    )
    return np.concatenate([token, patches.permute(0, 2, 3, 1).reshape(-1, 2).numpy()])


def cases():
    for registers in (False, True):
        which = "-registers" if registers else ""
        yield Case(
            f"dinov2{which}",
            "features.DINOv2",
            "timm",
            lambda r=registers: ours_features("DINOv2", dinov2(r), size=SIZE),
            lambda r=registers: theirs_dinov2(r),
            1e-5,
        )
        for old, new in ((13, 6), (6, 13)):
            yield Case(
                f"dinov2-positions{which}-{old}-to-{new}",
                "features.DINOv2",
                "torch",
                lambda r=registers, old=old, new=new: ours_positions(r, old, new),
                lambda r=registers, old=old, new=new: theirs_positions(r, old, new),
                1e-5,
            )
    yield Case(
        "clip",
        "features.CLIP",
        "torch-fidelity",
        lambda: ours_features("CLIP", clip()),
        theirs_clip,
        1e-5,
    )


CASES = list(cases())

if __name__ == "__main__":
    write(__file__, CASES)
