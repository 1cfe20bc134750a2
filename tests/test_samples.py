import json
import re
from functools import cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random
from PIL import Image

from genlab import fit
from genlab.config import ConfigError, spec
from genlab.data import columns
from genlab.data.pictures import grid, headed, points, texts, titled, write_png
from genlab.features import Pixels
from genlab.feedback import reward, tables, verdicts
from genlab.runs.folder import RunFolder
from genlab.sampling import draw
from genlab.sampling.draw import SampleRequest, generate, name_of
from genlab.sampling.latents import interpolate, truncated
from genlab.sampling.load import load
from genlab.sampling.previews import in_rows, with_names
from genlab.sampling.request import Vary
from genlab.sampling.sampler import column_names
from genlab.sampling.selection import BestOf


def test_a_grid_places_every_image_row_by_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    sheet = grid(images, columns=3, gap=1)
    assert sheet.shape == (2 * 3 + 1, 3 * 4 + 1, 1)
    for i in range(5):
        top, left = 1 + 3 * (i // 3), 1 + 4 * (i % 3)
        assert (sheet[top : top + 2, left : left + 3] == i).all()
    assert (sheet[0] == 255).all() and (sheet[4:6, 9:12] == 255).all()  # gap and padding


def test_interpolation_starts_and_ends_where_it_should_and_keeps_the_norm():
    a, b = jnp.asarray([[1.0, 0.0]]), jnp.asarray([[0.0, 1.0]])
    path = np.asarray(interpolate(a, b, 5))[0]
    np.testing.assert_allclose(path[[0, -1]], [[1, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(path[2], [2**-0.5, 2**-0.5], rtol=1e-5)


def test_truncation_is_the_normal_within_bounds():
    z = np.asarray(truncated(random.key(0), (20_000,), 0.5))
    assert np.abs(z).max() <= 0.5
    assert abs(z.var() - 0.0806) < 0.003  # variance of N(0, 1) within +-0.5


def test_points_are_drawn_upright():
    sheet = points(np.repeat([[1.0, 1.0]], 50, 0), size=64)
    row, column = np.unravel_index(sheet[..., 0].argmin(), (64, 64))
    assert row < 32 < column  # up and to the right


def test_points_of_a_line_are_bars_as_high_as_they_are_many():
    at = np.repeat([[0.1], [0.9]], (30, 60), 0)
    dark = points(at, size=64, reach=1.0)[..., 0] == 0
    np.testing.assert_array_equal(dark.sum(0), [0] * 32 + [32] * 8 + [0] * 16 + [64] * 8)
    assert dark[-1, 32] and not dark[0, 32]  # bars stand


def test_png_files_hold_the_bytes(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    write_png(tmp_path / "a" / "x.png", rgb)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a" / "x.png")), rgb)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    fit(tiny.vae(given=("label",), loop={"steps": 2, "checkpoint_every": 2}), folder / "labels")
    fit(
        tiny.gan(ema={"gen": 0.5}, loop={"steps": 2, "checkpoint_every": 2, "sample_every": 2}),
        folder / "plain",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "load", cache(load))  # a run is read, and its sampler compiled, once
        yield folder


def test_grids_pictures_and_arrays_agree_and_a_seed_fixes_them(runs, capfd):
    request = SampleRequest(n=6, seed=3, formats=("grid", "png", "npz"))
    written = generate(runs / "plain", request)
    assert not capfd.readouterr().err  # no library's remarks on what it reads
    assert len(written) == 1 + 6 + 1
    with np.load(written[-1]) as file:
        images = file["image"]
    assert images.shape == (6, 8, 8, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(Image.open(written[1])), images[0, ..., 0])
    np.testing.assert_array_equal(np.asarray(Image.open(written[0])), grid(images)[..., 0])
    name = "round000002_n6_seed3"
    place = runs / "plain" / "generated" / name
    assert sorted(p.name for p in place.iterdir()) == [
        "images", "request.json", f"{name}.npz", f"{name}_grid.png",
    ]  # fmt: skip
    record = json.loads((place / "request.json").read_text())
    assert record["round"] == 2 and record["checkpoint"] == "last" and record["seed"] == 3
    assert [str(place / file) for file in record["files"]] == [str(path) for path in written]
    again = generate(runs / "plain", request)
    with np.load(again[-1]) as file:
        np.testing.assert_array_equal(file["image"], images)


def test_labels_interpolations_and_truncation(runs):
    with np.load(
        generate(runs / "labels", SampleRequest(n=5, label=7, formats=("npz",)))[0]
    ) as file:
        assert file["label"].tolist() == [7] * 5
    with np.load(
        generate(runs / "labels", SampleRequest(n=3, interpolate=4, formats=("npz",)))[0]
    ) as file:
        assert (
            file["image"].shape[0] == 12 and file["label"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
        )
    (wide,) = generate(runs / "plain", SampleRequest(n=400, formats=("npz",)))
    spread = np.load(wide)["image"].astype(float).std(axis=0).mean()
    (narrow,) = generate(runs / "plain", SampleRequest(n=400, truncation=0.1, formats=("npz",)))
    assert np.load(narrow)["image"].astype(float).std(axis=0).mean() < 0.5 * spread


def test_no_file_of_another_request_is_among_those_of_one(runs):
    """Fewer samples, another label or format: no file of an earlier call is left among them."""
    many = generate(runs / "labels", SampleRequest(n=4, label=7, formats=("png",)))
    few = generate(runs / "labels", SampleRequest(n=2, label=7, formats=("png",)))
    other = generate(runs / "labels", SampleRequest(n=4, label=3, formats=("png",)))
    assert len({files[0].parent for files in (many, few, other)}) == 3
    assert sorted(few[0].parent.iterdir()) == few and all(map(Path.is_file, many))
    (grid_,) = generate(runs / "labels", SampleRequest(n=4, label=7))
    assert not many[0].exists() and sorted(p.name for p in grid_.parent.iterdir()) == [
        "conditions.csv", "request.json", grid_.name,
    ]  # fmt: skip
    grid_.with_name("request.json").unlink()
    with pytest.raises(ConfigError, match="in the way and not of `genlab sample`"):
        generate(runs / "labels", SampleRequest(n=4, label=7))


def test_a_name_says_all_that_was_asked():
    request = SampleRequest(4, 1, None, {"label": "7"}, vary=Vary("hue", "0", steps=5))
    assert name_of(request, 40) == "round000040_n4_seed1_label7_varyhue,0,5"
    request = SampleRequest(5, 1, "7", {"hue": "0.3"}, 0.7, 8)
    assert name_of(request, 40) == "round000040_n5_seed1_label7_hue0.3_truncation0.7_interpolate8"
    odd = [SampleRequest(label=text) for text in ("a/b", "a b", "a_b", "ä", "x" * 500, "x" * 501)]
    names = [name_of(one, 1) for one in odd]
    assert len(set(names)) == len(odd) and max(map(len, names)) < 140
    assert all(re.fullmatch(r"[A-Za-z0-9.,+_-]+", name) for name in names)


@pytest.mark.parametrize(
    ("run", "request_", "told"),
    [
        ("plain", SampleRequest(label=3), "the model is not conditional"),
        ("labels", SampleRequest(label=10), r"the labels are 0 \.\. 9"),
        ("plain", SampleRequest(formats=("gif",)), "no format 'gif'"),
        ("plain", SampleRequest(n=0), "at least one"),
        ("plain", SampleRequest(truncation=0.0), "above 0"),
        ("plain", SampleRequest(interpolate=1), "at least 2"),
        ("nowhere", SampleRequest(), "is no run folder"),
    ],
)
def test_what_a_run_cannot_draw_is_refused(runs, run, request_, told):
    with pytest.raises(ConfigError, match=told):
        generate(runs / run, request_)


@pytest.mark.slow  # a VAE with averages that never move is in `test_loop.py`
def test_training_draws_the_same_latents_at_every_stage(tmp_path):
    """With averages that never move, every stage is one picture; with moving ones not."""
    pictures = {}
    for decay in (1.0, 0.0):
        loop = {"steps": 4, "sample_every": 2}
        fit(tiny.gan(ema={"gen": decay}, loop=loop), tmp_path / str(decay))
        stages = [tmp_path / str(decay) / "samples" / f"{n:06d}.png" for n in (2, 4)]
        pictures[decay] = [np.asarray(Image.open(stage)).tobytes() for stage in stages]
    assert pictures[1.0][0] == pictures[1.0][1] and pictures[0.0][0] != pictures[0.0][1]


def test_a_conditional_grid_has_a_column_for_each_label(runs):
    (path,) = generate(runs / "labels", SampleRequest(n=20))
    with Image.open(path) as grid_:
        sheet = np.asarray(grid_)
    head, pitch = len(sheet) - (2 * 9 + 1), (sheet.shape[1] - 1) // 10
    assert sheet.shape[1] == 10 * pitch + 1 and pitch > 9 and head > 6
    for i in range(10):  # its name above each
        assert (sheet[:head, 1 + pitch * i : 1 + pitch * (i + 1)] < 128).any()


def test_long_names_stand_upwards_over_their_columns():
    sheet = grid(np.zeros((2, 28, 28, 3), np.uint8), columns=2)
    across, upwards = headed(sheet, ["a", "b"]), headed(sheet, ["dress", "a pair of trousers"])
    assert across.shape[1:] == upwards.shape[1:] == sheet.shape[1:]
    assert len(sheet) < len(across) < len(upwards)
    for made in (across, upwards):
        np.testing.assert_array_equal(made[-len(sheet) :], sheet)
        for column in (slice(0, 29), slice(30, 59)):
            assert (made[: -len(sheet), column] < 128).any()


def test_columns_too_narrow_for_their_names_are_moved_apart():
    pictures = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    sheet, tiles = grid(pictures, columns=2), np.rot90(texts(["given", "output"]), axes=(1, 2))
    tall, pitch = tiles.shape[1:3]
    made = headed(sheet, ["given", "output"])
    assert made.shape == (len(sheet) + tall, 2 * pitch + 1, 3) and pitch > 9
    for i, tile in enumerate(tiles):
        np.testing.assert_array_equal(
            made[:tall, 1 + i * pitch : 1 + (i + 1) * pitch, 0], tile[..., 0]
        )
        left = i * pitch + (pitch - 9) // 2
        np.testing.assert_array_equal(made[tall:, left : left + 9], sheet[:, 9 * i : 9 * (i + 1)])


def test_a_title_takes_the_lines_that_it_needs():
    sheet = grid(np.zeros((2, 28, 28, 3), np.uint8), columns=2)
    one, two = titled(sheet, "a=1"), titled(sheet, "category=dress, hue=0.6")
    assert len(sheet) < len(one) < len(two) and (one[: -len(sheet)] < 128).any()
    for made in (one, two):
        np.testing.assert_array_equal(made[-len(sheet) :, : sheet.shape[1]], sheet)
    word = texts(["category=dress,"])[0]
    assert one.shape[1] == sheet.shape[1] < two.shape[1] == word.shape[1] + 1
    np.testing.assert_array_equal(two[: len(word), 1:, :1], word)
    np.testing.assert_array_equal(titled(sheet, ""), sheet)


def test_pictures_of_unlike_sizes_stand_in_rows():
    """What is enlarged is smaller than what is made of it."""
    small, large = (
        np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1),
        np.zeros((1, 6, 4, 3), np.uint8),
    )
    sheet = in_rows([(columns.Image((2, 2, 1)), small), (columns.Image((6, 4, 3)), large)])
    np.testing.assert_array_equal(sheet[1:7, 1:5, 0], np.kron(small[0, ..., 0], np.ones((3, 2))))
    np.testing.assert_array_equal(sheet[9:15, 1:5], large[0])


def test_names_stand_over_previews_unless_the_run_has_some_without(runs, tmp_path):
    labels, plain = load(runs / "labels"), load(runs / "plain")
    names = column_names(labels.method, labels.source)
    assert names == tuple("0123456789") and column_names(plain.method, plain.source) == ()
    run, sheet = RunFolder(tmp_path), grid(np.zeros((20, 8, 8, 1), np.uint8), columns=10)
    for at in (2, 4):
        np.testing.assert_array_equal(with_names(run, sheet, names), headed(sheet, names))
        write_png(tmp_path / "samples" / f"{at:06d}.png", with_names(run, sheet, names))
    (tmp_path / "samples" / "000003.png").write_bytes(b"cut off")
    write_png(tmp_path / "samples" / "000004.png", sheet)
    np.testing.assert_array_equal(with_names(run, sheet, names), sheet)
    np.testing.assert_array_equal(with_names(run, sheet, ()), sheet)


def test_samples_are_selected_by_a_reward_fitted_to_a_table_of_verdicts(runs, tmp_path):
    """From pictures on disk and a table about them to the best of several."""
    grid_file = generate(runs / "plain", SampleRequest(n=14, seed=5))[0]
    run, table = load(runs / "plain"), tmp_path / "choices.csv"
    bright = run.sample(14, seed=5).reshape(14, -1).mean(1)
    pairs = np.arange(14).reshape(-1, 2)
    lines = [f"{a:05d},{b:05d},{'first' if bright[a] > bright[b] else 'second'}" for a, b in pairs]
    table.write_text("\n".join(["picture,other,verdict", *lines]))
    verdicts.append(run, tables.read(run, table, grid_file.parent))
    path = reward.fit(run, spec(Pixels)).save(run.folder.path / reward.FILE)
    found, said = reward.load(path.parent), []
    by = BestOf(found, 4)
    request = SampleRequest(n=3, seed=1, formats=("npz",))
    (file,) = generate(runs / "plain", request, say=said.append, by=by)
    with np.load(file) as held:
        made = held["image"]
    np.testing.assert_array_equal(made, run.sample(3, seed=1, by=by))
    every = run.sample(12, seed=1)
    best = found(every).reshape(3, 4).argmax(1) + 4 * np.arange(3)
    np.testing.assert_array_equal(made, every[best])
    record = json.loads((file.parent / "request.json").read_text())
    assert record["selection"]["best_of"] == 4 and record["model"] == run.weights.fingerprint
    assert "mean_reward" in said[-1] and "best-of4" in file.parent.name
