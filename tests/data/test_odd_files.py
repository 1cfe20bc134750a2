"""Files as people have them, in a folder of images: used, or counted and named; nothing waits,
nothing is guessed.
"""

import io
import os
import pickle
import re
import resource
import zipfile

import numpy as np
import pytest
from helpers.shared import REAL
from PIL import Image

from benchmarks.input_images import encoded, jpeg_claiming, png_claiming
from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.data import arrays, decoding, npz
from genlab.data.attributes import attributes
from genlab.data.cleaning import examine
from genlab.data.contents import memory
from genlab.data.sets.folder import Faults, Split, Table, folder
from genlab.data.tables import table
from genlab.evaluation.reading import read_set

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


@pytest.fixture
def photos(tmp_path):
    """Six good images."""
    for i in range(6):
        Image.fromarray(np.roll(PIXELS, i, 0)).save(tmp_path / f"{i}.png")
    return tmp_path


UNUSABLE = {
    "empty.png": b"",
    "text.jpg": b"no image",
    "bomb.png": png_claiming(40_000, 40_000),
    "flat.png": png_claiming(0, 8),
    "lying.png": png_claiming(8_000, 8_000),  # 1 MB of rows for 64 MB
    "lying.jpg": jpeg_claiming(65_000, 65_000),
    "program.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
    "cut.gif": encoded(PIXELS, "GIF")[:60],
    "range.tif": encoded(PIXELS, "TIFF", "F"),
}


@pytest.fixture
def odd(photos):
    """Beside them whatever cannot be used: a pipe and a device too, which would be waited for."""
    for name, data in UNUSABLE.items():
        (photos / name).write_bytes(data)
    (photos / "dangling.png").symlink_to("nowhere")
    (photos / "loop.png").symlink_to("loop.png")
    (photos / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(photos / "pipe.png")
    (photos / "folder.png").mkdir()  # a folder is a folder, whatever its name
    (photos / os.fsdecode(b"bytes\xff.png")).write_bytes(b"x")
    (photos / "two\nlines.png").write_bytes(b"x")
    return photos


def test_what_cannot_be_used_is_counted_and_named(odd):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    items, cleaning = examine(str(odd))
    assert len(items) == 6 and cleaning.found == 6 + len(UNUSABLE) + 6
    others = {"dangling.png", "loop.png", "zero.png", "pipe.png", "two\nlines.png"}
    assert set(cleaning.unreadable) == {*UNUSABLE, *others, os.fsdecode(b"bytes\xff.png")}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 * 1024  # KiB
    assert "15 unreadable (bomb.png, bytes\\udcff.png, cut.gif ...)" in cleaning.summary()
    with pytest.raises(ConfigError, match="15 unreadable"):
        folder(str(odd), faults=Faults("refuse"))
    with pytest.raises(ConfigError, match=r"every image is scored.*15 unreadable"):
        read_set(str(odd))


def test_the_program_tells_it_in_one_line(odd, capsys):
    assert main(["prepare", str(odd)]) == 0
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and "6 of 21 images used; 15 unreadable" in told
    assert main(["evaluate", f"--real={odd}", f"--fake={odd}", "--features=pixels"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def frames(kind):
    """Three of them; the first is PIXELS."""
    made, stream = [Image.fromarray(np.roll(PIXELS, i, 1)) for i in range(3)], io.BytesIO()
    made[0].save(stream, kind, save_all=True, append_images=made[1:], lossless=True)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame(kind, tmp_path):
    (tmp_path / "x").write_bytes(frames(kind))
    np.testing.assert_array_equal(
        decoding.fitted(decoding.opened(tmp_path / "x"), (8, 8, 3)), PIXELS
    )


def numbered(root, *names):
    """A picture of its own in each of the files, as PNG whatever it is called."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(np.roll(PIXELS, i, 0) ^ np.uint8(i), "PNG"))
    return str(root)


def labels(path, **options):
    """The label of each image that is used by its name, and what was found."""
    items, cleaning = examine(path, **options)
    return {item.name: cleaning.classes[item.label] for item in items}, cleaning


def test_folders_within_a_class_and_names_of_any_kind(tmp_path):
    names = ["cat/a/b/1.png", "cat/2.JPEG", "dog/3.jfif", "dog/4.jpe", "dog/x/5", "dog/IMG.0006"]
    path = numbered(tmp_path, *names)
    (tmp_path / "dog" / "note.txt").write_text("BM, and so on")
    (tmp_path / "dog" / "phone.HEIC").write_bytes(b"x")
    (tmp_path / "cat" / "ring").symlink_to(tmp_path / "cat")
    found, cleaning = labels(path)
    assert found == {name: name[:3] for name in names}
    assert cleaning.summary() == "6 of 7 images used; 1 ignored (dog/phone.HEIC)"
    with pytest.raises(ConfigError, match=r"1 ignored \(dog/phone.HEIC\)"):
        examine(path, problems="refuse")
    with pytest.raises(ConfigError, match=r"of formats that are not read \(dog/phone.HEIC\)"):
        read_set(path)


def test_only_pictures_that_cannot_be_read_say_what_to_do(tmp_path):
    (tmp_path / "1.heic").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"1 of formats that are not read \(1.heic\): save them"):
        examine(str(tmp_path))


def test_one_folder_around_the_classes_is_told(tmp_path, caplog):
    found, _ = labels(numbered(tmp_path, "images/cat/1.png", "images/dog/2.png"))
    assert set(found.values()) == {"images"}
    assert f"for the classes cat, dog give the path {tmp_path / 'images'}" in caplog.text


@pytest.mark.parametrize("tops", [("Train", "Test"), ("training", "TESTING"), ("train", "test")])
def test_splits_in_any_spelling(tops, tmp_path):
    path = numbered(tmp_path, f"{tops[0]}/a/1.png", f"{tops[1]}/a/2.png", f"{tops[0]}/train/3.png")
    items, cleaning = examine(path)
    assert [item.split for item in items] == ["train", "train", "test"]
    assert cleaning.classes == ("a", "train")
    with pytest.raises(ConfigError, match=f"holds splits: give one of them, .*{tops[1]}"):
        read_set(path)


def test_a_class_may_be_called_as_a_split_or_a_copy(tmp_path, caplog):
    found, _ = labels(numbered(tmp_path, "bus/1.png", "train/2.png", "prepared-x/3.png"))
    assert set(found.values()) == {"bus", "train", "prepared-x"}
    assert "train is read as a class beside bus, prepared-x" in caplog.text
    assert read_set(str(tmp_path)).classes == ("bus", "prepared-x", "train")


def test_classes_that_are_decimals_are_ordered_as_numbers(tmp_path):
    _, cleaning = labels(numbered(tmp_path, "10.5/1.png", "2.5/2.png", "-1/3.png", "nan/4.png"))
    assert cleaning.classes == ("-1", "2.5", "10.5", "nan")
    rows = ["1.png,10.0", "2.png,2.0", "3.png,-1.0", "4.png,2.0"]
    (tmp_path / "t.csv").write_text("\n".join(["file,size", *rows]))
    assert labels(str(tmp_path), attributes="t.csv")[1].classes == ("-1.0", "2.0", "10.0")


TABLES = {
    "semicolons": "file;kind\n1.png;a\n2.png;b, c\n",
    "tabs": "file\tkind\n1.png\ta\n2.png\tb, c\n",
    "spaces": "file kind\n1.png   a\n2.png  b\n",
    "no header": "1.png,a\n2.png,b\n",
    "a count, as CelebA": "2\nkind\n1.png a\n2.png b\n",
    "no suffix": "file,kind\n1,a\n2,b\n",
    "from Windows": "\ufefffile,kind\r\n.\\1.png,a\r\n.\\2.png,b\r\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_as_people_have_them(kind, tmp_path):
    path = numbered(tmp_path, "1.png", "2.png")
    (tmp_path / "t.txt").write_text(TABLES[kind], newline="")
    found, cleaning = labels(path, attributes="t.txt")
    assert found == {"1.png": "a", "2.png": "b, c" if "b, c" in TABLES[kind] else "b"}
    assert not cleaning.problems


def test_celebas_list_a_column_called_1_and_decimal_commas(tmp_path):
    path = numbered(tmp_path, "000001.jpg", "000002.jpg", "000003.jpg")
    rows = ["000001.jpg -1  1", "000002.jpg  1 -1", "000003.jpg -1 -1"]
    (tmp_path / "list.txt").write_text("\n".join(["3", "Male Young", *rows]))
    found, _ = labels(path, attributes="list.txt", label="Male")
    assert list(found.values()) == ["-1", "1", "-1"]
    (tmp_path / "t.csv").write_text("f,1,2\n" + "".join(f"00000{i}.jpg,{i},x\n" for i in (1, 2, 3)))
    assert labels(path, attributes="t.csv", label=1)[1].classes == ("1", "2", "3")
    made = folder(path, table=Table("t.csv", columns=(1, 2)), split=Split(0, 0))
    assert set(made.columns) == {"image", "1", "2"}
    (tmp_path / "t.csv").write_text("f;hue\n000001.jpg;0,5\n000002.jpg;2\n000003.jpg;1,25\n")
    made = folder(path, table=Table("t.csv", columns=("hue",)), split=Split(0, 0))
    assert (made.columns["hue"].low, made.columns["hue"].high) == ((0.5,), (2.0,))
    (tmp_path / "t.csv").write_text("f kind\n000001.jpg a b\n000002.jpg c\n")
    with pytest.raises(ConfigError, match=r"'000001.jpg a b' has 3 words under a header of 2"):
        examine(path, attributes="t.csv")


def cells(path, text, encoding="utf-8", columns=("*",)):
    path.write_text(text, encoding=encoding)
    return table(path, None, columns, lambda name: name == "1.png")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file;n\na;0,5\nb;NA\nc;1.234,5", ["0.5", "NA", "1234.5"]),
        ("file\tn\na\t0,5\nb\t\nc\t2", ["0.5", "", "2"]),
        ('file,n\na,"0,5"\nb,"1,25"', ["0.5", "1.25"]),
        ('file,n\na,"1,200.50"\nb,7', ["1200.50", "7"]),
        ("file;n\na;1,200\nb;2,000", ["1.200", "2.000"]),
        ('file,n\na,"0,500"\nb,"1,250"', ["0.500", "1.250"]),
        ('file,n\na,"3,4"\nb,"red, blue"', ["3,4", "red, blue"]),
        ('file,n\na,"-1,200.5"\nb,"1,2"', ["-1,200.5", "1,2"]),
    ],
)
def test_numbers_with_commas(text, told, tmp_path, caplog):
    assert [row["n"] for row in cells(tmp_path / "t.csv", text).values()] == told
    assert not caplog.text


def test_tables_of_spreadsheets(tmp_path, caplog):
    file = tmp_path / "t.csv"
    assert cells(file, 'file,n\na,"1,200"\nb,7') == {"a": {"n": "1,200"}, "b": {"n": "7"}}
    assert "n holds '1,200', a fraction or thousands" in caplog.text
    assert cells(file, "file\tn\na\tgr\u00fcn", "utf-16") == {"a": {"n": "gr\u00fcn"}}
    assert cells(file, "file,n,,\na,1,,\n") == {"a": {"n": "1"}}  # columns that are empty
    for encoding, text, said in (
        ("cp1252", "file,n\na,gr\u00fcn", "byte 11 is no UTF-8 text; save the table as UTF-8"),
        ("utf-8", "file,n,n\na,1,2", "two columns called 'n'"),
        ("utf-8", " \n", "it is empty"),
        ("utf-8", "file,n\na,1\na,1", "names a more than once: leave one row"),
    ):
        with pytest.raises(ConfigError, match=said):
            cells(file, text, encoding)


def test_labels_that_may_be_none_are_warned_of(caplog):
    percent = {f"{i}": {"wool": f"{i}%", "kind": "Bag" if i else "bag"} for i in range(21)}
    made = attributes("t.csv", percent, {}, None)
    assert [len(kind.names) for kind in made.kinds.values()] == [21, 2]
    assert "t.csv: wool has 21 classes for 21 images" in caplog.text
    assert "t.csv: kind has classes that differ in case alone: Bag, bag" in caplog.text
    assert attributes("t", {"a": {"x": "0.5"}}, {}, None).kinds["x"].high == (1.5,)  # a constant


def test_names_with_accents_in_either_form(tmp_path):
    path = numbered(tmp_path, "e\u0301/a\u0301.png", "\u00e9/b.png", "o/c.png")
    found, cleaning = labels(path)
    assert cleaning.classes == ("o", "\u00e9") and len(found) == 3
    (tmp_path / "t.csv").write_text("file,kind\n\u00e1.png,1\nb.png,2\nc.png,3\n", encoding="utf-8")
    assert len(labels(path, attributes="t.csv")[0]) == 3


def test_npz_files_as_people_have_them(tmp_path, caplog):
    images = np.stack([np.roll(PIXELS, i, 0) for i in range(10)])
    extra = {"names": np.array([{}] * 10, object), "version": np.array(3)}
    np.savez(tmp_path / "set.npz", image=images.astype(np.int64), **extra)
    made = arrays(str(tmp_path / "set.npz"), validation=0, test=0)
    assert set(made.columns) == {"image"}
    held = made.read("train")["image"]
    assert held.dtype == np.uint8 and {x.tobytes() for x in held} == {x.tobytes() for x in images}
    assert "'names' is an array of objects and is not read" in caplog.text
    assert "'version' is a single value" in caplog.text
    assert read_set(str(tmp_path / "set.npz")).images.dtype == np.uint8
    for odd, told in (
        (images.astype(np.int64) - 1, "int64"),
        (images.astype(np.float16), "float16 .*to_uint8 converts"),
        (images[:0], r"is empty, \(0, 8, 8, 3\): it has no rows"),
    ):
        np.savez(tmp_path / "odd.npz", image=odd)
        with pytest.raises(ConfigError, match=told):
            arrays(str(tmp_path / "odd.npz"))
    np.savez(tmp_path / "odd.npz", image=images[:, :0])
    with pytest.raises(ConfigError, match=r"images are \(10, 0, 8, 3\), expected \[N, H, W, C\]"):
        read_set(str(tmp_path / "odd.npz"))
    np.savez(tmp_path / "half.npz", image=images, age=np.linspace(0, 1, 10, dtype=np.float16))
    assert arrays(str(tmp_path / "half.npz")).read("train")["age"].dtype == np.float32


DEEP = (np.arange(64).reshape(8, 8) * 1024).astype(np.uint16)
SAME = {  # each with the pixels that it must give, in grey or in colour
    "deep.png": (lambda: encoded(DEEP, "PNG"), DEEP >> 8),
    "deep.tif": (lambda: encoded(DEEP, "TIFF"), DEEP >> 8),
    "big-endian.tif": (lambda: encoded(DEEP.astype(">u2"), "TIFF"), DEEP >> 8),
    "bits.png": (lambda: encoded((DEEP > 30_000), "PNG"), np.where(DEEP > 30_000, 255, 0)),
    "alpha.png": (lambda: encoded(PIXELS[..., 0], "PNG", "LA"), PIXELS[..., 0]),
    "deep.pgm": (lambda: b"P5\n8 8\n65535\n" + DEEP.astype(">u2").tobytes(), DEEP >> 8),
    "grey.pgm": (lambda: encoded(PIXELS[..., 0], "PPM"), PIXELS[..., 0]),
    "colour.bmp": (lambda: encoded(PIXELS, "BMP"), PIXELS),
}


@pytest.mark.parametrize("name", SAME)
def test_every_depth_gives_its_eight_bits(name, tmp_path):
    make, wanted = SAME[name]
    (tmp_path / name).write_bytes(make())
    shape = (8, 8, 1) if wanted.ndim == 2 else (8, 8, 3)
    made = decoding.fitted(decoding.opened(tmp_path / name), shape)
    np.testing.assert_array_equal(made, wanted.reshape(shape))


def test_cmyk_is_converted(tmp_path):
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # no cyan: red
    for name in ("a.tif", "a.jpg"):
        ink.save(tmp_path / name)
        made = decoding.fitted(decoding.opened(tmp_path / name), (8, 8, 3))
        assert np.abs(made.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("text", ["[3]", '{"0.png": 3}', '{"0.png": [1, 2, "x"]}', "[" * 9999])
def test_a_forged_memory_of_a_folder_is_none(text, photos):
    memory(photos).parent.mkdir(parents=True, exist_ok=True)
    memory(photos).write_text(text)
    assert examine(str(photos))[1].used == 6


def test_a_csv_that_breaks_its_parser(photos):
    (photos / "a.csv").write_text('file,kind\n0.png,"' + "x" * 200_000)
    with pytest.raises(ConfigError, match="is no CSV with a header"):
        examine(str(photos), attributes="a.csv")
    (photos / "a.csv").write_text("file,kind\n0.png,1\n1.png,nan\n")
    with pytest.raises(ConfigError, match=r"holds nan for 1\.png"):
        examine(str(photos), attributes="a.csv")


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def hostile(kind, path, trap):
    """An npz file that should do something to its reader."""
    member = io.BytesIO()
    if kind == "object":
        np.savez(path, image=np.array([Trap(trap)], object))
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Trap(trap)))
    elif kind == "pickle inside":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("image.npy", pickle.dumps(Trap(trap)))
    elif kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("image.npy", "w") as file:
                for _ in range(40):
                    file.write(bytes(2**20))
    elif kind == "nested":
        np.savez(member, image=REAL)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("image", member.getvalue())
    else:
        head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {kind}, }}\n".encode()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../image.npy", b"x")
            data = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64)
            archive.writestr("image.npy", data)


@pytest.mark.parametrize(
    "kind",
    ["object", "pickle", "pickle inside", "bomb", "nested", "(-1, 8, 8, 1)", "(2**40, 8, 8, 1)"],
)
def test_a_hostile_npz_is_one_line_and_nothing_runs(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "SPARE", 2**20)
    path, trap = tmp_path / "set.npz", tmp_path / "trap"
    hostile(kind, path, trap)
    for read in (arrays, read_set):
        with pytest.raises(
            ConfigError, match=r"set\.npz(: .* that unpack to| is no npz file of arrays)"
        ) as caught:
            read(str(path))
        assert "\n" not in str(caught.value)
    assert not trap.exists() and not (tmp_path.parent / "image.npy").exists()


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (np.array([0, 1, -1, 2]), "label -1 in row 2"),
        (np.array([0, 2**33, 1, 2]), "label 8589934592 in row 1"),
        (np.array([0, 1, 2, 2**63], np.uint64), "label 9223372036854775808 in row 3"),
        (np.array([0, 1, np.nan, 2]), "labels are float64"),
        (np.array([0, 1, 2]), r"\(3,\)|label 3"),
    ],
)
def test_labels_that_are_no_classes_are_refused_with_their_row(label, told, tmp_path):
    np.savez(tmp_path / "set.npz", image=REAL[:4], label=label)
    for read in (arrays, read_set):
        with pytest.raises(ConfigError, match=told):
            read(str(tmp_path / "set.npz"))


def test_a_picture_that_is_merely_large_is_called_so_and_the_limit_can_be_raised(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(decoding, "PIXELS", 100)
    for name, side in {"a.png": 8, "big.jpg": 16}.items():
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / name)
    told = "big.jpg, 16x16 is over the limit of 100 pixels: GENLAB_MAX_PIXELS=256 raises it"
    with pytest.raises(ConfigError, match=re.escape(told)):
        read_set(str(tmp_path))
    assert told in examine(str(tmp_path))[1].summary()
    monkeypatch.setenv("GENLAB_MAX_PIXELS", "256")
    assert decoding.opened(tmp_path / "big.jpg").size == (16, 16)
