"""Edits, and what they change, on pictures whose factors are their pixels."""

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.data.columns import Label, Numbers, Points
from genlab.editing.edits import at_equal, changes, mixed, moved, of_conditions, truncated
from genlab.editing.factors import Factor, factors, target, wanted

COLUMNS = {
    "kind": Label(("bag", "hat", "mug")),
    "size": Numbers(("size",), (0.0,), (1.0,)),
    "place": Numbers(("x", "y"), (-1.0, -1.0), (1.0, 1.0)),
    "where": Points((2,)),
}
MEASURED = {
    "kind": np.array([0, 0, 1, 2]),
    "size": np.array([[0.0], [0.2], [0.4], [1.0]]),
    "place": np.array([[0.0, 1.0], [0.5, 1.0], [0.0, 1.0], [0.5, 1.0]]),
    "where": np.zeros((4, 2)),
}
KNOWN = factors(COLUMNS, MEASURED)


def test_latents_move_along_a_direction_by_each_strength():
    z, n = np.zeros((2, 3)), np.array([0.0, 1.0, 0.0])
    found = moved(z, n, [-1.0, 0.0, 2.0])
    assert found.shape == (2, 3, 3)
    np.testing.assert_array_equal(found[1, :, 1], [-1, 0, 2])
    each = moved(z, np.stack([n, 2 * n]), [1.0])
    np.testing.assert_array_equal(each[:, 0, 1], [1, 2])


def test_truncation_goes_towards_the_mean_and_mixing_takes_later_layers_of_the_other():
    w, mean = np.array([[2.0, 4.0]]), np.array([1.0, 1.0])
    np.testing.assert_array_equal(truncated(w, mean, 0.5), [[1.5, 2.5]])
    made = mixed(w, -w, layers=3, since=1)
    np.testing.assert_array_equal(made[0], [[2, 4], [-2, -4], [-2, -4]])
    with pytest.raises(ConfigError, match="the network has 3"):
        mixed(w, -w, layers=3, since=4)


def test_factors_are_labels_and_single_numbers():
    assert list(KNOWN) == ["kind", "size", "place.x", "place.y"]
    np.testing.assert_array_equal(KNOWN["place.y"].of(MEASURED), 1)
    kind, size = KNOWN["kind"], KNOWN["size"]
    np.testing.assert_array_equal(kind.difference(np.array([0, 1]), np.array([0, 2])), [0, 1])
    np.testing.assert_allclose(size.difference(np.array([0.5]), np.array([0.2])), [0.3])
    values = np.random.default_rng(0).uniform(size=20_000)
    assert abs(size.spread(values) - 1 / 3) < 0.01  # of two uniform numbers


def test_a_factor_with_a_period_goes_the_short_way_round():
    hue = Factor("hue", "hue", Numbers(("hue",), (0.0,), (1.0,), (1.0,)))
    np.testing.assert_allclose(hue.difference(np.array([0.05]), np.array([0.95])), [0.1])
    wanted = target({"hue": hue}, "hue=0.1")
    np.testing.assert_allclose(wanted.score(np.array([0.1, 0.6, 0.35])), [1, -1, 0], atol=1e-9)
    gain = wanted.gain(np.array([0.0, 0.3]), np.array([0.9, 0.1]))
    np.testing.assert_allclose(gain, [0.1, -0.2])
    assert target({"hue": hue}, "hue").value is None and wanted.name == "hue=0.1"
    with pytest.raises(ConfigError, match="'red' is no number"):
        target({"hue": hue}, "hue=red")


def test_what_is_asked_for_is_named():
    hat = target(KNOWN, "kind=hat")
    np.testing.assert_array_equal(hat.score(MEASURED["kind"]), [0, 0, 1, 0])
    assert hat.name == "kind=hat" and target(KNOWN, "size").name == "size"
    for text, why in (
        ("sise", "did you mean 'size'"),
        ("kind", "say which, as kind=bag"),
        ("kind=hut", "did you mean 'hat'"),
        ("size=1", "ask for size"),
    ):
        with pytest.raises(ConfigError, match=why):
            target(KNOWN, text)


def changed():
    """Two pictures, three strengths: size rises with them, place.x moves, one kind changes."""
    before = {
        "kind": np.array([0, 1]),
        "size": np.array([[0.2], [0.4]]),
        "place": np.zeros((2, 2)),
    }
    after = {
        "kind": np.array([0, 0, 0, 1, 1, 2]),
        "size": np.array([[0.1], [0.2], [0.4], [0.3], [0.4], [0.8]]),
        "place": np.array([[0.0, 0.0]] * 3 + [[-0.2, 0.0], [0.0, 0.0], [0.4, 0.0]]),
    }
    unit = {"kind": 0.5, "size": 0.1, "place.x": 0.2, "place.y": 0.0}
    return changes(target(KNOWN, "size"), KNOWN, unit, before, after, np.array([-1.0, 0.0, 1.0]))


def test_changes_are_means_in_units_of_unrelated_examples():
    found = changed()
    np.testing.assert_allclose(found.wanted, [-1, 0, 3])
    np.testing.assert_allclose(found.unwanted["kind"], [0, 0, 1])
    np.testing.assert_allclose(found.unwanted["place.x"], [0.5, 0, 1])
    assert set(found.unwanted) == {"kind", "place.x"}  # place.y never varies
    np.testing.assert_allclose(found.leakage, [0.25, 0, 1])


def test_edits_are_compared_where_they_change_the_target_equally():
    found = at_equal(changed(), 1.5)
    np.testing.assert_allclose([found.by, *found.unwanted.values(), found.leakage], 0.5)
    assert np.isnan(at_equal(changed(), 4.0).by) and np.isnan(at_equal(changed(), 4.0).leakage)


def test_changes_of_conditions_leave_out_what_was_asked_for():
    before = {"kind": np.array([0, 1]), "size": np.array([[0.2], [0.4]]), "place": np.zeros((2, 2))}
    after = {
        "kind": np.array([2, 0, 2, 0]),
        "size": np.array([[0.2], [0.5], [0.8], [0.6]]),
        "place": np.array([[0.1, 0.0], [0.0, 0.0], [-0.1, 0.0], [0.0, 0.0]]),
    }
    asked = [wanted(KNOWN, {"kind": np.int32(2)}), wanted(KNOWN, {"size": np.array([0.6])})]
    unit = {"kind": 0.5, "size": 0.1, "place.x": 0.2, "place.y": 0.0}
    found = of_conditions(asked, KNOWN, unit, before, after)
    np.testing.assert_allclose(found.wanted, [2, (0.3 + 0.2) / 2 / 0.1])
    np.testing.assert_allclose(found.unwanted["kind"], [np.nan, 1])
    np.testing.assert_allclose(found.unwanted["size"], [2, np.nan])
    np.testing.assert_allclose(found.leakage, [(2 + 0.5) / 2, (1 + 0) / 2])
