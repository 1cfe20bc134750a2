"""Mistakes in what is measured of control."""

from mutants.mutant import Mutant, test

CONTROL, OF_CONTROL = "genlab/metrics/control.py", "metrics/test_control.py"
MIG = "genlab/metrics/disentanglement.py"
SEAM = test(OF_CONTROL, "what_has_a_period_does_not_depend_on_its_seam")
ORACLE = test(OF_CONTROL, "accuracy_r2_and_calibration_are_those_of_scikit_learn")
COVERAGE = test(OF_CONTROL, "values_are_inside_in_a_gap_or_beyond_what_was_trained_on")
KNOWN_MIG = test(OF_CONTROL, "mig_of_known_codes")

CONTROLS = (
    Mutant(
        "r2",
        "about the mean of what was measured",
        CONTROL,
        "np.abs(asked - asked.mean()) ** 2",
        "np.abs(measured - measured.mean()) ** 2",
        ORACLE,
    ),
    Mutant(
        "r2",
        "half a turn for a whole one",
        CONTROL,
        "np.exp(2j * np.pi * x / period)",
        "np.exp(1j * np.pi * x / period)",
        test(OF_CONTROL, "r2_of_perfect_noisy_and_shuffled_answers"),
    ),
    Mutant(
        "r2",
        "a period plays no part",
        CONTROL,
        "    if period:\n        asked, measured = (np.exp",
        "    if False:\n        asked, measured = (np.exp",
        SEAM,
    ),
    Mutant(
        "calibration",
        "asked on measured",
        CONTROL,
        "off = difference(measured, asked, period)\n    error",
        "off = difference(asked, measured, period)\n    error",
        ORACLE,
    ),
    Mutant(
        "calibration",
        "the intercept at the mean",
        CONTROL,
        "(asked + off).mean() - slope * asked.mean()",
        "(asked + off).mean() - asked.mean()",
        ORACLE,
    ),
    Mutant(
        "curve",
        "the means of all rows",
        CONTROL,
        "near[r].mean(), *np",
        "near.mean(), *np",
        test(OF_CONTROL, "a_curve_has_the_means_and_percentiles_of_its_bins"),
    ),
    Mutant(
        "difference",
        "the long way round",
        CONTROL,
        "off - period * np.round(off / period)",
        "off - period * np.floor(off / period)",
        SEAM,
    ),
    Mutant(
        "spread",
        "a row and itself are a pair",
        CONTROL,
        "/ (n * (n - 1))",
        "/ (n * n)",
        test(OF_CONTROL, "a_spread_is_the_mean_difference_of_two_rows"),
    ),
    Mutant(
        "leakage",
        "not over the spread",
        CONTROL,
        "return change / spread if",
        "return change if",
        test(OF_CONTROL, "leakage_is_0_where_a_factor_stays_and_1_where_it_is_drawn_anew"),
    ),
    Mutant(
        "pairwise_distance",
        "a sample and itself are a pair",
        CONTROL,
        "np.triu_indices(features.shape[1], 1)",
        "np.triu_indices(features.shape[1], 0)",
        test(OF_CONTROL, "pairwise_distance_is_the_mean_distance_of_two_samples"),
    ),
    Mutant(
        "coverage_of",
        "beyond is in a gap",
        CONTROL,
        "outside = ~inside & ((asked < low) | (asked > high))",
        "outside = ~inside & (asked > high)",
        COVERAGE,
    ),
    Mutant(
        "coverage_of",
        "a seam is an end",
        CONTROL,
        "np.concatenate([values - period, values, values + period])",
        "np.concatenate([values, values + period])",
        COVERAGE,
    ),
    Mutant(
        "mutual_information_gap",
        "to the least informative code",
        MIG,
        "ranked[-1] - ranked[-2]",
        "ranked[-1] - ranked[0]",
        KNOWN_MIG,
    ),
    Mutant(
        "mutual_information_gap",
        "not over the entropy",
        MIG,
        "((ranked[-1] - ranked[-2])[known]) / entropy[known]",
        "((ranked[-1] - ranked[-2])[known])",
        KNOWN_MIG,
    ),
    Mutant(
        "mutual_information_gap",
        "a difference of codes for one of factors",
        MIG,
        "np.array([[_information(c, f) for f in factors.T] for c in codes.T])",
        "np.array([[_information(c, f) for f in factors.T] for c in codes.T])[::-1]",
        KNOWN_MIG,
    ),
    Mutant(
        "binned",
        "by rank",
        MIG,
        "edges = np.linspace(values.min(), values.max(), bins + 1)",
        "edges = np.quantile(values, np.linspace(0, 1, bins + 1))",
        test(OF_CONTROL, "bins_are_of_equal_width_between_the_ends"),
    ),
)
