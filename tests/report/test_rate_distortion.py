"""The picture of rate against distortion."""

import base64

from genlab.report import write
from genlab.report.figures.rate_distortion import rate_distortion
from genlab.report.figures.unit_kl import unit_kls
from genlab.report.reading import read

SCORES = {"a": (10.0, 30.0), "b": (5.0, 40.0)}


def test_variants_are_points_and_a_single_one_is_no_curve(make, tmp_path):
    def rows(rate, distortion):
        return [{"evals": [make.eval({"rate": rate + s, "distortion": distortion}, name="latent")]}
                for s in (0.0, 1.0)]  # fmt: skip

    folder = make.sweep(tmp_path / "two", {v: rows(*SCORES[v]) for v in SCORES})
    (found,) = rate_distortion(read(folder))
    assert found.alt == "Distortion in nats: a: 30 at a rate of 10.5; b: 40 at a rate of 5.5."
    svg = base64.b64decode(found.uri.partition(",")[2]).decode()
    assert svg.startswith("<svg") and "currentColor" in svg
    html = write(folder).html.read_text()
    assert 'id="latents"' in html and "dotted lines have one ELBO" in html
    one = make.sweep(tmp_path / "one", {"a": rows(*SCORES["a"])})
    assert rate_distortion(read(one)) == []


def test_units_are_in_order_of_their_kl_and_seeds_are_averaged(make, tmp_path):
    def row(*kls):
        units = {f"z{i}": {"kl": [kl], "variance": [0.5]} for i, kl in enumerate(kls)}
        tables = {"unit": {"samples": units}}
        return {"evals": [make.eval({"rate": sum(kls)}, name="latent") | {"tables": tables}]}

    folder = make.sweep(tmp_path / "one", {"a": [row(0.0, 2.0, 1.0), row(4.0, 0.5, 1.0)]})
    (found,) = unit_kls(read(folder))
    assert found.alt == "KL in nats: a: 3, 1, 0.25."
    levels = {"level": {"samples": {f"level{i}": {"kl": [kl]} for i, kl in enumerate((0.5, 2.0))}}}
    spread = {"unit": {"samples": {f"z{i}": {"variance": [v]} for i, v in enumerate((0.1, 0.7))}}}
    one = {"evals": [make.eval({"rate": 2.5}, name="latent") | {"tables": levels | spread}]}
    deep = make.sweep(tmp_path / "levels", {"a": [one, one]})
    (found,) = unit_kls(read(deep))
    assert found.alt == "KL in nats: a: 2, 0.5."
    table = write(deep).markdown.partition("in each run in the order of its variance")[2]
    assert "| 1 | 0.7" in table and "| 2 | 0.1" in table  # where there is no KL of a unit
    assert base64.b64decode(found.uri.partition(",")[2]).decode().startswith("<svg")
    written = write(folder)
    assert "a unit that has none is not used" in written.html.read_text()
    table = written.markdown.partition("By unit, in each run in the order of its kl")[2]
    assert "| 1 | 3" in table and "| 2 | 1.0 ± 0.0" in table  # z0 of two runs are no one unit
    assert "z0" not in table
