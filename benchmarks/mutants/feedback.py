"""Mistakes in how verdicts are read, fitted and used."""

from mutants.mutant import IGNORED, ROOT, SIGN, SQUARE, Mutant, test

TERRY, OF_TERRY = "genlab/feedback/bradley_terry.py", "feedback/test_bradley_terry.py"
REWARD, OF_REWARD = "genlab/feedback/reward.py", "feedback/test_reward.py"
VERDICTS, OF_VERDICTS = "genlab/feedback/verdicts.py", "feedback/test_verdicts.py"
TABLES, SEARCH = "genlab/feedback/tables.py", "genlab/feedback/search.py"
OF_SEARCH, SELECTION = "feedback/test_search.py", "genlab/sampling/selection.py"
OF_SELECTION, REWARDED = "feedback/test_selection.py", "genlab/methods/gan/rewarded.py"
OF_REWARDED, KEPT = "methods/test_rewarded.py", "genlab/feedback/kept_search.py"

FEEDBACK = (
    Mutant(
        "bradley_terry",
        SIGN,
        TERRY,
        "each = shares * np.logaddexp(0, -m) + (1 - shares) * np.logaddexp(0, m)\n    slope",
        "each = shares * np.logaddexp(0, m) + (1 - shares) * np.logaddexp(0, -m)\n    slope",
        test(OF_TERRY, "the_loss_is_minus_the_log_probability_and_its_slope_is_right"),
    ),
    Mutant(
        "bradley_terry",
        "the prior is not in the gradient",
        TERRY,
        "return float(each.sum() + ridge * (w @ w) / 2), x.T @ slope + ridge * w",
        "return float(each.sum() + ridge * (w @ w) / 2), x.T @ slope",
        test(OF_TERRY, "the_loss_is_minus_the_log_probability_and_its_slope_is_right"),
    ),
    Mutant(
        "bradley_terry",
        "a tie is a choice of the first",
        REWARD,
        "shares = np.array([SHARES[each.verdict] for each in used])",
        "shares = np.array([float(SHARES[each.verdict] > 0) for each in used])",
        test(OF_REWARD, "verdicts_as_rows"),
    ),
    Mutant(
        "held_out",
        "choices between the same things in several parts",
        TERRY,
        "return [np.isin(groups, part) for part in np.array_split(order, min(FOLDS, len(names)))]",
        "return [np.arange(len(groups)) % FOLDS == i for i in range(FOLDS)]",
        test(OF_TERRY, "choices_between_the_same_things_are_left_out_together"),
    ),
    Mutant(
        "held_out",
        "better than chance by its mean",
        TERRY,
        "return self.low > self.chance",
        "return self.accuracy >= self.chance",
        test(
            OF_TERRY,
            "held_out_choices_are_foretold_where_there_is_a_taste_and_not_where_there_is_none",
        ),
    ),
    Mutant(
        "wilson",
        ROOT,
        TERRY,
        "half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)",
        "half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)",
        test(OF_TERRY, "intervals_are_those_of_wilson"),
    ),
    Mutant(
        "thumbs",
        "no threshold",
        REWARD,
        "x = np.concatenate([x, -one[:, None].astype(x.dtype)], axis=1)",
        "x = np.concatenate([x, 0 * one[:, None].astype(x.dtype)], axis=1)",
        test(OF_REWARD, "verdicts_as_rows"),
    ),
    Mutant(
        "reward",
        "scaled by the variance",
        REWARD,
        "scale = float(values.std())",
        "scale = float(values.var())",
        test(OF_REWARD, "it_finds_the_taste_and_is_standardised_on_the_models_samples"),
    ),
    Mutant(
        "verdicts",
        "those on another model are used",
        VERDICTS,
        "if theirs != model:",
        "if not theirs:",
        test(OF_VERDICTS, "verdicts_on_another_model_and_damaged_ones_are_left_out_and_counted"),
    ),
    Mutant(
        "verdicts",
        "a table's on another model are used",
        TABLES,
        "if not own.startswith(theirs):",
        "if not theirs:",
        test(OF_VERDICTS, "a_table_that_makes_no_sense_is_refused_by_its_line"),
    ),
    Mutant(
        "best of n",
        SIGN,
        SELECTION,
        "return rewards.argmax(axis=1), None",
        "return rewards.argmin(axis=1), None",
        test(OF_SELECTION, "the_best_of_n_is_the_largest_order_statistic"),
    ),
    Mutant(
        "rejection",
        "multiplied by the temperature",
        SELECTION,
        "rewards.max(axis=1, keepdims=True)) / beta)",
        "rewards.max(axis=1, keepdims=True)) * beta)",
        test(OF_SELECTION, "rejection_tilts_the_distribution"),
    ),
    Mutant(
        "rejection",
        SQUARE,
        SELECTION,
        "return weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)",
        "return weights.sum(axis=1) / (weights**2).sum(axis=1)",
        test(OF_SELECTION, "the_bound_is_a_samples_own_and_its_weights_are_told"),
    ),
    Mutant(
        "search",
        SIGN,
        SEARCH,
        "return values[:n, :m] - values[:n, m:] - values[n:, :m] + values[n:, m:]",
        "return values[:n, :m] - values[:n, m:] - values[n:, :m] - values[n:, m:]",
        test(OF_SEARCH, "the_kernel_of_duels_is_the_covariance_of_differences"),
    ),
    Mutant(
        "search",
        "the improvement of whatever is shown, not over the best so far",
        SEARCH,
        "points[_improvement(known, points, best).argmax()]",
        "points[_improvement(known, points, points[0]).argmin()]",
        test(OF_SEARCH, "it_finds_what_is_liked_in_few_answers"),
    ),
    Mutant(
        "search",
        "every answer is kept as the first",
        KEPT,
        '"first": bool(first)}',
        '"first": True}',
        test(OF_SEARCH, "a_search_in_a_folder_goes_on_where_it_was_left"),
    ),
    Mutant(
        "search",
        "goes on with another model",
        KEPT,
        'if begun.get("model") != run.weights.fingerprint:',
        'if not begun.get("model"):',
        test(OF_SEARCH, "a_search_of_another_model_or_other_settings_is_refused"),
    ),
    Mutant(
        "rewarded",
        "not bounded",
        REWARDED,
        "REWARD: jnp.maximum(self.bound - reward, 0.0)",
        "REWARD: self.bound - reward",
        test(OF_REWARDED, "the_terms_are_those_of_numpy"),
    ),
    Mutant(
        "rewarded",
        IGNORED,
        REWARDED,
        '{REWARD: self.weight, "distance": coefficient},',
        '{REWARD: self.weight, "distance": 1.0},',
        test(OF_REWARDED, "the_generator_moves_along_the_taste_as_far_as_the_distance_lets_it"),
    ),
    Mutant(
        "rewarded",
        "the controller turned round",
        REWARDED,
        "coefficient * (1 + self.rate * off),",
        "coefficient * (1 - self.rate * off),",
        test(OF_REWARDED, "the_distance_costs_more_where_it_is_beyond_the_budget_and_less_below"),
    ),
)
