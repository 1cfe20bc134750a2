import json
import logging
import os

import numpy as np
import pytest
from helpers import tiny
from PIL import Image

from genlab import fit
from genlab.config import ConfigError, as_dict, build, from_dict, path_of, spec
from genlab.config.upgrades import in_a_row, upgraded
from genlab.data import Faults, Split, Table, columns, sources
from genlab.data.cleaning import Cleaning
from genlab.data.contents import memory
from genlab.data.layout import partners
from genlab.data.preparing import prepare, prepare_for
from genlab.data.sets.folder import Files, Recipe, examine, folder, home, in_place
from genlab.data.sources import Resident
from genlab.data.splits import carved
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp
from genlab.sampling.load import load


def picture(seed, height=8, width=8, channels=3):
    """Noise that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)


@pytest.fixture
def zoo(tmp_path):
    """Ten images in each of two classes."""
    for number, kind in enumerate(["cat", "dog"]):
        for i in range(10):
            save(tmp_path / kind / f"{i}.png", picture(100 * number + i))
    return tmp_path


@pytest.fixture
def spoilt(zoo):
    """The zoo with a truncated image, a text file, a small one and a duplicate."""
    whole = (zoo / "cat" / "0.png").read_bytes()
    (zoo / "cat" / "broken.png").write_bytes(whole[: len(whole) // 2])
    (zoo / "dog" / "note.jpg").write_text("no image")
    save(zoo / "dog" / "small.png", picture(7, 4, 4))
    Image.fromarray(picture(3)).save(zoo / "dog" / "same.bmp")  # the pixels of cat/3.png
    return zoo


def test_class_folders(zoo):
    made = folder(str(zoo), shape=(8, 8, 3), split=Split(0.1, 0.2))
    assert isinstance(made, Resident)
    assert made.columns["image"].shape == (8, 8, 3) and made.columns["label"].cycle == 2
    assert [made.count(split) for split in ("train", "validation", "test")] == [15, 1, 4]
    parts = [made.read(split) for split in ("train", "validation", "test")]
    assert all(part["image"].dtype == np.uint8 for part in parts)
    found = {
        (image.tobytes(), int(label))
        for part in parts
        for image, label in zip(part["image"], part["label"], strict=True)
    }
    assert found == {(picture(100 * n + i).tobytes(), n) for n in range(2) for i in range(10)}
    assert set(parts[0]["label"][:8]) == {0, 1}  # the first are no single class


def test_the_seed_alone_decides_the_split(zoo):
    first, again, other = (
        folder(str(zoo), split=Split(seed=seed)).read("train") for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first["image"], again["image"])
    assert not np.array_equal(first["image"], other["image"])


def test_split_folders_are_kept_and_a_missing_one_is_carved(tmp_path):
    for split, count in {"train": 10, "test": 4}.items():
        for i in range(count):
            save(tmp_path / split / "a" / f"{i}.png", picture(i + 50 * (split == "test")))
    made = folder(str(tmp_path), split=Split(0.2, 0.5))
    assert [made.count(split) for split in ("train", "validation", "test")] == [9, 1, 4]
    wanted = {picture(50 + i).tobytes() for i in range(4)}
    assert {image.tobytes() for image in made.read("test")["image"]} == wanted


def test_images_alone_have_no_labels(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", picture(i, channels=1))
    made = folder(str(tmp_path), split=Split(0, 0))
    assert made.columns == {"image": columns.Image((8, 8, 1))}  # grey, as all of them are
    assert set(made.read("train")) == {"image"}
    with pytest.raises(ConfigError, match="no split 'test'"):
        made.count("test")


def test_colours_are_converted_and_sizes_brought_to_one(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", np.full((8 + i, 20, 3), 40 * i, np.uint8))
    made = folder(str(tmp_path), (4, 4, 1), "bicubic", split=Split(0, 0))
    levels = made.read("train")["image"]
    assert levels.shape == (4, 4, 4, 1) and set(np.unique(levels)) == {0, 40, 80, 120}


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["10", "9", "9", "-1"], ("-1", "9", "10")),
        (["red", "blue", "red", "green"], ("blue", "green", "red")),
    ],
)
def test_a_csv_of_one_attribute(tmp_path, cells, classes):
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i))
    rows = [f"{i}.png,{cell}" for i, cell in enumerate(cells)]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,kind", *rows]) + "\n")
    items, cleaning = examine(str(tmp_path), attributes="attributes.csv")
    assert cleaning.classes == classes
    assert [item.label for item in items] == [classes.index(cell) for cell in cells]
    made = folder(str(tmp_path), table=Table("attributes.csv"), split=Split(0, 0))
    assert made.columns["label"].cycle == 3


def test_a_csv_of_many_attributes(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", picture(i))
    save(tmp_path / "extra.png", picture(9))
    text = "file,colour,sleeves\n0.png,red,2\n1.png,blue,0\n2.png,,2\ngone.png,red,0\n"
    (tmp_path / "attributes.csv").write_text(text)
    with pytest.raises(ConfigError, match="has the columns colour, sleeves: choose one as label"):
        examine(str(tmp_path), attributes="attributes.csv")
    with pytest.raises(ConfigError, match="did you mean 'colour'"):
        examine(str(tmp_path), attributes="attributes.csv", label="color")
    with pytest.raises(ConfigError, match=r"of 3 images 1 have no label \(2.png\). Say what to do"):
        examine(str(tmp_path), attributes="attributes.csv", label="colour")
    items, cleaning = examine(
        str(tmp_path), attributes="attributes.csv", label="colour", missing="drop"
    )
    assert [(item.name, item.label) for item in items] == [("0.png", 1), ("1.png", 0)]
    assert cleaning.unlabelled == ("2.png", "extra.png") and cleaning.missing == ("gone.png",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no CSV with a header"),
        ("file,age\n0.png,0.5\n1.png,3\n", "a label is an integer or a word"),
        ("file,kind\n0.png,a\n0.png,b\n", "names 0.png more than once"),
        ("file,kind\nzero.png,a\n", "names no image under"),
    ],
)
def test_a_csv_that_cannot_be_meant(tmp_path, text, told):
    for i in range(2):
        save(tmp_path / f"{i}.png", picture(i))
    (tmp_path / "attributes.csv").write_text(text)
    with pytest.raises(ConfigError, match=told):
        examine(str(tmp_path), attributes="attributes.csv")


def test_problems_are_named_and_skipped(spoilt, caplog):
    items, cleaning = examine(str(spoilt))
    assert len(items) == cleaning.used == 20 and cleaning.found == 24
    assert cleaning.problems == {
        "unreadable": ("cat/broken.png", "dog/note.jpg"),
        "wrong_size": ("dog/small.png",),
        "duplicates": ("dog/same.bmp",),
    }
    told = (
        "20 of 24 images used; 2 unreadable (cat/broken.png, dog/note.jpg); "
        "1 wrong size (dog/small.png); 1 duplicate (dog/same.bmp)"
    )
    assert cleaning.summary() == told
    with caplog.at_level(logging.WARNING, "genlab"):
        folder(str(spoilt))
        folder(str(spoilt))
    assert [record.getMessage() for record in caplog.records] == [f"{spoilt}: {told}"]  # once


def test_problems_are_refused_when_asked(spoilt):
    with pytest.raises(ConfigError, match=r"2 unreadable .*give 'skip' for 'refuse'"):
        folder(str(spoilt), faults=Faults("refuse"))
    with pytest.raises(ConfigError, match=r"1 duplicate \(dog/same.bmp\)"):
        folder(str(spoilt), faults=Faults(duplicates="refuse"))
    kept, cleaning = examine(str(spoilt), duplicates="keep")
    assert len(kept) == 21 and cleaning.duplicates == ("dog/same.bmp",)
    with pytest.raises(ConfigError, match="problems='ignore' is none of skip, refuse"):
        folder(str(spoilt), faults=Faults("ignore"))


def test_a_duplicate_leaves_the_test_set_not_the_training_set(tmp_path):
    for i in range(4):
        save(tmp_path / "train" / f"{i}.png", picture(i))
        save(tmp_path / "test" / f"a{i}.png", picture(i + 2))
    items, cleaning = examine(str(tmp_path))
    assert cleaning.duplicates == ("test/a0.png", "test/a1.png")
    assert sum(item.split == "train" for item in items) == 4


def test_images_of_many_sizes_are_refused(tmp_path):
    for i in range(6):
        save(tmp_path / f"{i}.png", picture(i, 8 + i, 8))
    with pytest.raises(ConfigError, match=r"5 images are not 8x8 \(1.png is 9x8.*resize='bicubic'"):
        folder(str(tmp_path))
    with pytest.raises(ConfigError, match="6 images are not 64x64"):
        folder(str(tmp_path), shape=(64, 64, 3))


def test_layouts_that_cannot_be_meant(tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        folder(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="no images under"):
        folder(str(tmp_path))
    save(tmp_path / "train" / "a" / "1.png", picture(1))
    save(tmp_path / "test" / "a" / "2.png", picture(2))
    save(tmp_path / "extra" / "a" / "3.png", picture(3))
    with pytest.raises(ConfigError, match="has test, train beside extra: move these into the spl"):
        folder(str(tmp_path))
    (tmp_path / "extra" / "a" / "3.png").rename(tmp_path / "3.png")
    with pytest.raises(ConfigError, match="has test, train beside loose images"):
        folder(str(tmp_path))
    with pytest.raises(ConfigError, match="give its CSV file too"):
        folder(str(tmp_path), table=Table(label="a"))


def test_what_was_seen_is_kept_and_checked_again_when_a_file_changes(spoilt, monkeypatch):
    looked = []
    original = Image.open
    monkeypatch.setattr(
        Image, "open", lambda f, **k: looked.append(os.path.basename(f)) or original(f, **k)
    )
    first = examine(str(spoilt))
    assert len(looked) == 26 and memory(spoilt).is_file()  # what fails is asked why
    looked.clear()
    assert examine(str(spoilt)) == first
    assert sorted(set(looked)) == ["broken.png", "note.jpg"]  # what failed is tried again
    save(spoilt / "cat" / "5.png", picture(5, 5, 5))
    looked.clear()
    assert "cat/5.png" in examine(str(spoilt))[1].wrong_size
    assert sorted(set(looked)) == ["5.png", "broken.png", "note.jpg"]
    memory(spoilt).write_text("{")  # a spoilt memory is no memory
    assert examine(str(spoilt))[1].used == 19


def split_of(made):
    """The split of every image of a source by its pixels."""
    return {x.tobytes(): s for s in made.splits for x in made.read(s)["image"]}


@pytest.mark.parametrize("rule", ["name", "content"])
def test_more_images_move_no_other_between_splits(rule, tmp_path):
    for i in range(60):
        save(tmp_path / f"{i}.png", picture(i))
    before = split_of(folder(str(tmp_path), split=Split(by=rule)))
    for i in range(60, 67):
        save(tmp_path / f"0{i}.png", picture(i))
    after = split_of(folder(str(tmp_path), split=Split(by=rule)))
    assert len(after) == 67 and before.items() <= after.items()
    for split, share in {"train": 0.8, "validation": 0.1, "test": 0.1}.items():
        assert abs(sum(s == split for s in after.values()) / 67 - share) < 0.1


def test_content_keeps_its_split_under_another_name_and_a_name_in_either_form(tmp_path):
    for i in range(40):
        save(tmp_path / "a" / f"e\u0301{i}.png", picture(i))
        save(tmp_path / "b" / f"\u00e9{i}.png", picture(i))
        save(tmp_path / "c" / f"{40 - i}.bmp", picture(i))
    kept = {name: split_of(folder(str(tmp_path / name))) for name in "abc"}
    assert kept["a"] == kept["b"] != kept["c"]
    by = Split(by="content")
    kept = {name: split_of(folder(str(tmp_path / name), split=by)) for name in "ac"}
    assert kept["a"] == kept["c"]


def test_configs_of_before_split_by_position_as_then(zoo, caplog):
    row = {**as_dict(spec(Recipe, str(zoo))), "call": "genlab.data:folder", "augment": ()}
    assert row.pop("split_by") == "name"
    read = from_dict(row)
    assert read.split.by == "position" and build(read).count("train") == 16
    names = sorted(f"{kind}/{i}.png" for kind in ("cat", "dog") for i in range(10))
    order = [names[i] for i in np.random.default_rng(0).permutation(20)]
    readers, *_ = in_place(Recipe(str(zoo), split_by="position"))
    assert [item.name for item in readers["train"].items] == order[:16]
    assert [item.name for item in readers["validation"].items] == order[18:]
    assert [item.name for item in readers["test"].items] == order[16:18]
    with pytest.raises(ConfigError, match="'names' is no way to split; did you mean 'name'"):
        folder(str(zoo), split=Split(by="names"))


def test_a_split_that_the_hash_leaves_empty_gets_one_with_a_word(tmp_path, caplog):
    for i in range(3):
        save(tmp_path / f"{i}.png", picture(i))
    made = folder(str(tmp_path), split=Split(0.01, 0.01))
    assert [made.count(s) for s in ("train", "validation", "test")] == [1, 1, 1]
    assert "the hash draws none of 3 images for validation=0.01" in caplog.text


def test_shares():
    assert carved(10, {"validation": 0.1, "test": 0.2}) == {
        "train": (0, 7),
        "validation": (9, 10),
        "test": (7, 9),
    }
    assert carved(3, {"test": 0.01, "validation": 0}) == {"train": (0, 2), "test": (2, 3)}
    for shares in ({"test": 1.0}, {"validation": 0.5, "test": 0.5}, {"test": -0.1}):
        with pytest.raises(ConfigError, match=r"of 4 images in train, .* leaves none"):
            carved(4, shares)


def test_a_folder_stands_in_a_config(zoo):
    config = spec(folder, str(zoo), shape=(8, 8, 3))
    assert config.call == "genlab.data:folder"
    assert build(config).count("train") == 16


def test_readers_read_by_index(zoo):
    readers, cleaning, contents = in_place(Recipe(str(zoo), (8, 8, 3)))
    names = {item.name for reader in readers.values() for item in reader.items}
    assert set(contents[str(zoo)]) == names and len(names) == 20
    assert isinstance(cleaning, Cleaning) and json.dumps(cleaning._asdict())
    reader = readers["train"]
    assert len(reader) == 16
    np.testing.assert_array_equal(reader[3]["image"], reader[3]["image"])
    os.remove(zoo / reader.items[3].name)
    with pytest.raises(OSError, match="No such file"):
        reader[3]


TABLE = "file,colour,hue,doors\n" + "".join(
    f"{i}.png,{'red' if i % 3 else 'blue'},{i / 4},{2 + i % 2}\n" for i in range(8)
)


@pytest.fixture
def garage(tmp_path):
    """Eight pictures, a table of three columns, a sketch and a mask of each."""
    for i in range(8):
        save(tmp_path / "photos" / f"{i}.png", picture(i))
        save(tmp_path / "sketches" / f"{i}.bmp", 255 - picture(i)[..., :1])
        save(tmp_path / "masks" / f"{i}.png", np.uint8(255) * (picture(i)[..., :1] > 127))
    (tmp_path / "photos" / "table.csv").write_text(TABLE)
    return tmp_path


def of_the_garage(root, **options):
    return spec(
        folder,
        str(root / "photos"),
        table=spec(Table, "table.csv", columns=("colour", "hue", "doors")),
        pairs={"sketch": str(root / "sketches"), "mask": str(root / "masks")},
        kinds={"mask": spec(columns.Mask, (8, 8, 1))},
        **{"split": spec(Split, 0.0, 0.25), **options},
    )


def check_the_garage(made, which=None):
    """Every column of every example belongs to its picture."""
    assert made.columns == {
        "image": columns.Image((8, 8, 3)),
        "colour": columns.Label(("blue", "red")),
        "hue": columns.Numbers(("hue",), (0.0,), (1.75,)),
        "doors": columns.Label(("2", "3")),
        "sketch": columns.Image((8, 8, 1)),
        "mask": columns.Mask((8, 8, 1)),
    }
    numbers = {picture(i).tobytes(): i for i in range(8)}
    parts = [made.read(split) for split in ("train", "test")]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    seen = [numbers[x.tobytes()] for x in found["image"]]
    assert sorted(seen) == (which or list(range(8)))
    for row, i in enumerate(seen):
        assert found["colour"][row] == (i % 3 > 0) and found["doors"][row] == i % 2
        assert found["hue"][row] == i / 4
        np.testing.assert_array_equal(found["sketch"][row], 255 - picture(i)[..., :1])
        np.testing.assert_array_equal(found["mask"][row], picture(i)[..., :1] > 127)


@pytest.mark.parametrize("resident", [True, False])
def test_a_table_and_folders_of_one_name_make_columns(garage, resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    made = build(json.loads(json.dumps(as_dict(of_the_garage(garage)))))
    assert made.resident == resident
    check_the_garage(made)


def test_a_prepared_copy_holds_all_columns(garage, monkeypatch):
    plain = build(of_the_garage(garage))
    told = prepare_for(of_the_garage(garage))
    assert "4 train, 4 test; 8 of 8 images used" in told
    monkeypatch.setattr(Files, "__getitem__", lambda *_: pytest.fail("read in place"))
    copied = build(of_the_garage(garage))
    check_the_garage(copied)
    for name, x in plain.read("train").items():
        np.testing.assert_array_equal(copied.read("train")[name], x)
        assert copied.read("train")[name].dtype == x.dtype


def test_a_copy_in_an_older_form_is_never_misread(zoo, caplog):
    prepare(str(zoo))
    place = home(Recipe(str(zoo)))
    index = json.loads((place / "index.json").read_text())
    (place / "index.json").write_text(json.dumps({k: index[k] for k in ("counts", "cleaning")}))
    with caplog.at_level(logging.WARNING, "genlab"):
        assert folder(str(zoo)).count("train") == 16
    assert "is a copy in an older form: prepare it again; reading in place" in caplog.text
    assert "it replaces a copy in an older form" in prepare(str(zoo))
    assert json.loads((place / "index.json").read_text()) == index
    assert "is prepared already" in prepare(str(zoo))


def test_what_has_no_partner_is_named_and_left_out(garage):
    (garage / "sketches" / "2.bmp").unlink()
    (garage / "masks" / "5.png").write_bytes(b"no image")
    save(garage / "masks" / "stray.png", picture(9))
    made = build(of_the_garage(garage))
    check_the_garage(made, [0, 1, 3, 4, 6, 7])
    config = of_the_garage(garage, faults=spec(Faults, "refuse"))
    strays = r"1 unreadable \(.*masks/5.png\); 2 without partner \(.*masks/stray.png, 2.png\)"
    with pytest.raises(ConfigError, match=strays):
        build(config)


def test_partners_are_of_one_path_or_of_one_stem():
    others = ["a/1.png", "b/1.png", "2.jpg", "3.jpg", "3.png"]
    assert partners(["a/1.bmp", "b/1.gif", "x/2.png", "3.png", "4.png"], others) == {
        "a/1.bmp": "a/1.png",
        "b/1.gif": "b/1.png",
        "x/2.png": "2.jpg",
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"columns": ("hue", "colour"), "pairs": {"hue": "sketches"}}, "'hue' names two columns"),
        ({"columns": ("hues",)}, "choose one as label, or several as columns; did you mean 'hue'"),
        ({"label": "hue"}, "label holds 0.25 for 1.png.*numbers are asked for by their own name"),
        ({"columns": ("hue",), "kinds": {"hu": 1}}, "which is no column; did you mean 'hue'"),
        ({"file": None, "columns": ("hue",)}, "are columns: give its CSV file"),
        ({"columns": ("colour",), "kinds": {"colour": columns.Points((1,))}}, "points are <U4"),
        ({"pairs": {"mask": "masks"}, "kinds": {"mask": columns.Label(("a",))}}, "holds pictures"),
    ],
)
def test_columns_that_cannot_be_meant(garage, monkeypatch, options, told):
    monkeypatch.chdir(garage)
    fields = {"file": "table.csv", "label": "colour", **options}
    if fields["file"] is None or "columns" in options:
        fields.pop("label")
    with pytest.raises(ConfigError, match=told):
        folder("photos", **grouped(fields))


SHOP = """picture,colour,price,hue,material
dress/0.png,red,10,0.25,
dress/1.png,blue,20,NA,wool
dress/2.png,,30,0.5,silk
hat/3.png,red,40,0.75,wool
hat/4.png,blue,50,,silk
"""
RULES = {"colour": "class", "hue": "mean", "material": "drop"}


@pytest.fixture
def shop(tmp_path):
    """Pictures in a folder for each category, and a table with empty cells."""
    for i in range(5):
        save(tmp_path / "shop" / ("dress" if i < 3 else "hat") / f"{i}.png", picture(i))
    (tmp_path / "shop" / "attributes.csv").write_text(SHOP)
    return tmp_path / "shop"


def of_the_shop(root, **options):
    asked = {"file": "attributes.csv", "label": "folder", "columns": ("*",)}
    return spec(folder, str(root), **grouped({**asked, **options}), split=spec(Split, 0.0, 0.0))


def grouped(fields):
    """Arguments of `folder`: those of a table together."""
    of_table = {name: x for name, x in fields.items() if name in Table.__dataclass_fields__}
    others = {name: x for name, x in fields.items() if name not in of_table}
    return {"table": Table(**of_table), **others}


def test_folders_and_a_table_with_empty_cells_make_columns_that_are_stated(shop):
    config = of_the_shop(shop, missing=RULES, kinds={"price": "numbers"})
    told = prepare_for(config)
    stated = [
        "colour: label of 3 (blue, red, missing), inferred from words; 1 image without of the "
        "class 'missing'",
        "price: numbers 20 .. 50, as kinds says",
        "hue: numbers 0.5 .. 0.75, inferred from fractions; 2 images without at 0.625, the mean",
        "material: label of 2 (silk, wool), inferred from words; 1 image without left out",
    ]
    first, *lines = told.splitlines()
    assert "4 of 5 images used; 1 unlabelled (dress/0.png)" in first and lines == stated
    assert prepare_for(config).splitlines()[1:] == stated  # recorded with the copy
    copied = build(config)
    row = {name: x for name, x in in_a_row(as_dict(config)).items() if name != "augment"}
    plain = in_place(build(row | {"call": path_of(Recipe)}))
    assert plain.cleaning.stated == tuple(stated)
    assert copied.columns == next(iter(plain.splits.values())).columns
    assert list(copied.columns) == ["image", "label", "colour", "price", "hue", "material"]
    assert copied.columns["label"].names == ("dress", "hat")
    rows = copied.read("train")
    at = np.argsort(rows["price"][:, 0])
    assert rows["price"][at, 0].tolist() == [20, 30, 40, 50]
    assert rows["colour"][at].tolist() == [0, 2, 1, 0] and rows["label"][at].tolist() == [
        0,
        0,
        1,
        1,
    ]
    assert rows["hue"][at, 0].tolist() == [0.625, 0.5, 0.75, 0.625]


def test_the_null_condition_is_nought_to_networks(shop):
    made = build(of_the_shop(shop, columns=("hue",), missing="null"))
    rows = made.read("train")["hue"]
    assert np.sum(made.columns["hue"].load(rows) == 0) == 3  # two missing, one in the middle


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {},
            r"of 5 images 1 have no colour \(dress/2.png\); 2 have no hue \(dress/1.png, "
            r"hat/4.png\); 1 have no material .*missing=\{'colour': 'drop'\}",
        ),
        ({"missing": "class"}, "missing='class' for 'hue', which is numbers .*: give one of drop"),
        (
            {"missing": {"colour": "mean"}, "columns": ("colour",)},
            "label of 2 .*: give one of drop",
        ),
        ({"missing": {"color": "drop"}}, "missing names 'color', no column; did you mean 'colour'"),
        ({"missing": "dorp"}, "is no rule; did you mean 'drop'"),
        ({"columns": ("price",), "kinds": {"price": "number"}}, "did you mean 'numbers'"),
        (
            {"columns": ("material",), "missing": "drop", "kinds": {"material": "numbers"}},
            "wool for",
        ),
        ({"file": None, "label": None, "columns": (), "missing": "drop"}, "is of a table"),
    ],
)
def test_empty_cells_are_refused_with_counts_unless_a_rule_fits(shop, options, told):
    with pytest.raises(ConfigError, match=told):
        build(of_the_shop(shop, **options))


def test_tables_of_configs_of_before_leave_out_rows_with_empty_cells(shop):
    row = in_a_row(as_dict(of_the_shop(shop, columns=("hue",), label=None)))
    assert row.pop("missing") is None
    read = from_dict(row)
    assert read.table.missing == "drop" and build(read).count("train") == 3
    plain = in_a_row(as_dict(spec(folder, str(shop))))
    assert plain.pop("missing") is None and from_dict(plain).table.missing is None


def test_fields_that_were_in_a_row_are_the_same_folder_in_groups(shop):
    """In a source of sources too; fingerprints of data in files are of the row."""
    row = {
        "call": "genlab.data:folder", "path": "photos", "shape": [8, 8, 3], "attributes": "t.csv",
        "label": "hue", "problems": "refuse", "duplicates": "keep", "validation": 0.3, "test": 0.2,
        "seed": 4, "resize": "box", "augment": [], "columns": [], "pairs": {}, "kinds": {},
        "split_by": "content", "missing": None,
    }  # fmt: skip
    both = from_dict({"call": "genlab.data:unpaired", "parts": {"a": row}}).parts.a
    table, split = spec(Table, "t.csv", "hue"), spec(Split, 0.3, 0.2, 4, "content")
    faults = spec(Faults, "refuse", "keep")
    now = spec(folder, "photos", (8, 8, 3), "box", table, split=split, faults=faults)
    assert both.to_dict() == now.to_dict() and in_a_row(as_dict(now)) == row
    assert upgraded(as_dict(now)) == as_dict(now)
    with pytest.raises(ConfigError, match=r"an argument of Split now: split=spec\(Split, by=...\)"):
        spec(folder, "photos", split_by="content")


def test_words_and_fractions_in_one_column_are_refused(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", picture(i))
    (tmp_path / "t.csv").write_text("file,size\n0.png,0.5\n1.png,large\n")
    with pytest.raises(ConfigError, match=r"size holds 0.5 for 0.png beside large for 1.png"):
        folder(str(tmp_path), table=Table("t.csv", columns=("size",)))


@pytest.mark.slow  # `tests/test_conditions.py` asks for samples by name
def test_a_run_on_a_folder_and_its_table_is_asked_by_name(shop, tmp_path):
    data = of_the_shop(shop, missing=RULES, kinds={"price": "numbers"})
    generator = spec(Generator, spec(mlp.Up, (8, 8, 3), (8,)))
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    given = ("label", "colour", "price")
    method = spec(GAN, generator, critic, latent=4, given=given)
    fit(tiny.experiment(method, ("disc", "gen"), data=data, batch_size=2), tmp_path / "run")
    run = load(tmp_path / "run")
    assert run.sample(3, given={"label": "dress", "colour": "missing"}).shape == (3, 8, 8, 3)
    assert run.vary("price", (20, 50), steps=5, n=2, given={"label": "hat"}).shape[:2] == (2, 5)
    with pytest.raises(ConfigError, match="label=hta: no label 'hta'; did you mean 'hat'"):
        run.sample(3, label="hta")
