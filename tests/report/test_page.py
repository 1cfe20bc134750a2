import base64
import io
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from PIL import Image

from genlab.report import write
from genlab.report.figures.pictures import LARGE, WIDEST, galleries, level, picture, spread
from genlab.report.reading import read
from genlab.report.tables.table import tables
from genlab.report.watch import watch

VOID = {"meta", "img", "br", "hr", "link", "input", "line"}
EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """Tags must close in order; collects text, attributes and ids."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags, self.ids = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def _page(folder):
    return Page(write(folder).html.read_text())


def _shown(folder):
    """The page that was written."""
    return Page((folder / "report.html").read_text())


def test_the_page_is_well_formed_and_navigable(full):
    page = _shown(full)
    links = [a["href"] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")]
    assert links == [f"#{name}" for name in (
        "results", "cost", "samples", "reconstructions", "restored", "latents", "nearest", "curves",
        "runs", "problems", "configs", "environment", "reproduce",
    )]  # fmt: skip
    assert {link[1:] for link in links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_needs_nothing_beside_itself(full):
    text = (full / "report.html").read_text()
    page = Page(text)
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe")
        if tag == "a" and not attrs["href"].startswith("#"):
            assert (full / attrs["href"] / "metrics.jsonl").is_file()  # the folder of a run
            continue
        for name in ("src", "href", "srcset", "action", "data", "xlink:href"):
            assert attrs.get(name, "#").startswith(("#", "data:image/")), (tag, attrs)
    assert "@import" not in text and "url(" not in text and "fetch(" not in text
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(images) >= 8 and all(a["alt"].strip() for a in images)


def test_the_page_tells_the_numbers(full):
    words = _shown(full).words
    for told in ("A title", "4.0 ± 2.5", "n=3", "7.5 ± 6.4", "n=2", "real data, held out",
                 "2 variants (hinge, wgan), trained on digits for 300 rounds",
                 "5 of 6 runs finished; 1 failed", "0123456789", "features sha256",
                 "git checkout abc123", "wasserstein", "genlab sweep --config=gan.py"):  # fmt: skip
        assert told in words, told


def test_failed_runs_are_listed_with_their_error(full):
    page, text = _shown(full), (full / "report.md").read_text()
    assert "wgan/seed2 failed, 120 of 300 rounds done, its folder disc/loss is NaN" in page.words
    assert "**wgan/seed2** failed, 120 of 300 rounds done.\n\n    disc/loss is NaN" in text
    assert "wgan/seed2: metrics.jsonl: 1 of 4 lines cannot be read" in text


def test_whatever_a_run_wrote_is_escaped(make, tmp_path):
    run = {
        "status": "failed", "error": EVIL, "env": {"device": EVIL},
        "config": make.config | {"data": {"call": f"x:{EVIL}"}},
        "metrics": [{"step": 1, f"gen/{EVIL}": 1.0}],
        "evals": [make.eval({EVIL: 1.0}, name=EVIL, features=EVIL)],
    }  # fmt: skip
    other = run | {"config": make.config, "evals": [make.eval({EVIL: 1.0}, name=EVIL)]}
    folder = make.sweep(tmp_path, {"a": [run], "b": [other]}, title=EVIL, experiment=EVIL)
    page = _page(folder)
    assert [a for tag, a in page.tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]  # the page's own
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert EVIL in page.words
    assert "\\<script>" in (folder / "report.md").read_text()


def test_refusals_are_visible(make, tmp_path):
    folder = make.sweep(tmp_path, {
        "a": [{"evals": [make.eval({"fd": 1.0})]}],
        "b": [{"evals": [make.eval({"fd": 2.0}, samples=5000)]}],
    })  # fmt: skip
    told = "they differ in samples (500: a; 5000: b)"
    assert told in _page(folder).words
    assert told in (folder / "report.md").read_text()


def test_a_single_run_has_a_report(make, tmp_path):
    folder = make.run(tmp_path / "mine", evals=[make.eval({"fd": 1.5}, baselines={"fd": 0.5})])
    report = write(folder)
    assert report.html == folder / "report.html"
    assert report.markdown == (folder / "report.md").read_text()
    assert "One run, trained on digits for 300 rounds" in report.markdown
    assert "| mine | 1.500 (n=1) |" in report.markdown
    assert "genlab report --workdir=mine" in Page(report.html.read_text()).words


def test_scores_on_another_split_are_not_lost_silently(make, tmp_path):
    folder = make.run(tmp_path / "run", evals=[make.eval({"fd": 1.0}, split="train")])
    assert "run/seed0: scores on split train are not shown" in _page(folder).words


@pytest.mark.parametrize("keep", [(), ("config.json",), ("metrics.jsonl",), ("evals.jsonl",)])
def test_a_run_with_files_missing_has_a_report(make, tmp_path, keep):
    folder = make.sweep(tmp_path, {"a": [{"evals": [make.eval({"fd": 1.0})]}], "gone": []})
    for path in (folder / "a/seed0").iterdir():
        if path.is_file() and path.name not in keep:
            path.unlink()
    words = _page(folder).words
    assert "a/seed0 unfinished" in words and "gone/seed0 not started" in words
    assert ("No run has been scored" in words) == ("evals.jsonl" not in keep)


def test_writing_twice_gives_the_same_bytes(full):
    first = (full / "report.html").read_bytes()
    assert write(full).html.read_bytes() == first


def test_grids_are_shown_early_to_late_and_other_seeds_folded(make, tmp_path):
    names = [f"{step:06d}.png" for step in range(100, 1000, 100)]
    folder = make.sweep(tmp_path, {"a": [{"images": names}, {"images": names}]})
    (gallery,) = galleries(read(folder))
    captions = [p.caption for p in gallery.first.pictures]
    assert captions == ["round 100", "round 400", "round 600", "round 900"]
    assert [s.seed for s in gallery.others] == [1]
    assert gallery.first.pictures[0].pixels
    assert _page(folder).words.count("round 900") == 2


def test_pictures_are_of_the_scored_checkpoint(make, tmp_path):
    names = [f"{step:06d}.png" for step in range(100, 1000, 100)]
    names += [
        f"{kind}_{step:06d}.png"
        for kind in ("reconstructions", "nearest", "codes")
        for step in (200, 900)
    ]
    rows = [
        make.eval({"fd": 1.0}, step=200, checkpoint="best validation fidelity/fd"),
        make.eval({"fd": 2.0}, step=900, checkpoint="last"),
    ]
    (gallery,) = galleries(read(make.run(tmp_path / "a", images=names, evals=rows, step=900)))
    assert [p.caption for p in gallery.first.pictures] == [
        "round 100", "round 200, scored: best by validation", "round 800",
        "round 900, scored: last",
    ]  # fmt: skip
    for shown in (gallery.reconstructions, gallery.nearest, gallery.codes):
        assert shown.caption == "seed 0, round 200, scored: best by validation"


def test_a_scored_round_without_a_picture_is_a_problem(make, tmp_path):
    names = ["000100.png", "nearest_000100.png"]
    folder = make.run(tmp_path / "run", images=names, evals=[make.eval({"fd": 1.0}, step=200)])
    (gallery,) = galleries(read(folder))
    assert gallery.nearest.caption == "seed 0, round 100, not scored"
    assert "no picture of the scored round 200: `genlab evaluate" in _page(folder).words


def test_spread_keeps_both_ends():
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([1, 2], 4) == [1, 2]


def test_a_damaged_image_is_left_out(make, tmp_path):
    folder = make.run(tmp_path / "run")
    path = folder / "samples/000100.png"
    path.write_bytes(path.read_bytes()[:40])
    (gallery,) = galleries(read(folder))
    assert [p.caption for p in gallery.first.pictures] == ["round 300"]


def test_images_are_embedded_as_they_are_unless_large(tmp_path):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("L", (30, 20), 7).save(small)
    Image.effect_noise((1600, 800), 90).save(large)
    assert large.stat().st_size > LARGE
    kept, shrunk = picture(small, "", "a"), picture(large, "", "b")
    assert base64.b64decode(kept.uri.partition(",")[2]) == small.read_bytes()
    with Image.open(io.BytesIO(base64.b64decode(shrunk.uri.partition(",")[2]))) as image:
        assert image.format == "WEBP" and image.size == (WIDEST, WIDEST // 2)
        assert (shrunk.width, shrunk.height) == image.size


def test_every_variant_links_to_the_folders_of_its_runs(make, tmp_path):
    folder = make.sweep(tmp_path, {"a:b c": [{}, {}]}, seeds=[0, 1, 2])
    page = Page(write(folder).html.read_text())
    found = {a.get("aria-label"): a["href"] for tag, a in page.tags if tag == "a"}
    assert found["folder of a:b c/seed0"] == "./a%3Ab%20c/seed0/"
    assert "folder of a:b c/seed2" not in found  # it was not started
    assert "seed 0 1" in page.words
    alone = _page(make.run(tmp_path / "run"))
    assert "./" in [a["href"] for tag, a in alone.tags if tag == "a"]


def test_paired_differences_are_drawn_with_each_seed(sweep):
    ((fd, precision),) = [table.pairs for table in tables(read(sweep))[0]]
    assert fd.other == "wgan" and len(fd.strip.seeds) == 2  # the third run of wgan failed
    assert fd.strip.mean < fd.strip.baseline == 100  # hinge has less; no difference is at the end
    assert fd.sentence in _page(sweep).words
    assert precision.strip.mean == precision.strip.baseline


def test_pictures_share_the_room_there_is(make, tmp_path):
    assert level([1, 2, 10, 10], 13) == 5 and level([1, 2], 9) == math.inf
    folder = make.run(tmp_path / "run")
    for i in (1, 3):
        Image.effect_noise((200, 200), 90).save(folder / f"samples/000{i}00.png")
    sizes = [[len(p.uri) for g in galleries(read(folder), room) for p in g.pictures]
             for room in (10**6, 30_000)]  # fmt: skip
    assert min(sizes[0]) > 40_000 and sum(sizes[1]) <= 30_100


def test_a_sweep_is_watched_until_all_is_done(make, tmp_path):
    config = make.config | {"evaluate": {"fidelity": {}}}
    under_way = {"status": "unfinished", "config": config}
    folder = make.sweep(tmp_path, {"a": [under_way], "lost": [{"status": "failed"}]})
    run, waits, said, seen = folder / "a/seed0", [], [], []

    def wait(seconds):
        waits.append(seconds)
        seen.append((folder / "report.html").stat().st_mtime_ns)
        assert 'data-reload="7"' in (folder / "report.html").read_text()
        if len(waits) == 2:  # nothing was new before
            (run / "status.json").write_text(json.dumps({"status": "finished", "step": 300}))
        if len(waits) == 3:  # it is not scored yet
            (run / "evals.jsonl").write_text(json.dumps(make.eval({"fd": 2.5})))

    made = watch(folder, 7, said.append, wait)
    assert waits == [7, 7, 7] and seen[0] == seen[1] < seen[2]
    assert [line[:21] for line in said] == ["1 of 2 runs are done:"] * 2
    assert "data-reload" not in made.html.read_text() and "2.500" in made.results
