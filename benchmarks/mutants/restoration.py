"""Changes of the scores of restored pictures, of damage and of tiles."""

from mutants.mutant import IGNORED, SIGN, Mutant, test

METRICS, OF_METRICS = "genlab/metrics/restoration.py", "metrics/test_restoration.py"
EVALUATOR, OF_EVALUATOR = "genlab/evaluation/restored.py", "test_restoration.py"
DAMAGED, OF_DAMAGED = "genlab/data/sets/damaged.py", "data/test_damaged.py"
OUTPUTS = "genlab/evaluation/outputs.py"
TILING, OF_APPLY = "genlab/evaluation/tiling.py", "test_apply.py"
CLASSICS = "genlab/evaluation/classics.py"
AROUND = test(OF_EVALUATOR, "around_the_holes_what_was_given_is_put_back")

RESTORATION = (
    Mutant(
        "luma",
        "from 0 on",
        METRICS,
        "return 16.0 + (",
        "return 0.0 + (",
        test(OF_METRICS, "luma_is_that_of_bt601"),
    ),
    Mutant(
        "region_psnr",
        "mean over the whole picture",
        METRICS,
        "count = region.sum((1, 2, 3)) * values.shape[-1]",
        "count = np.full(len(values), values[0].size)",
        test(OF_METRICS, "a_region_is_scored_as_its_pixels_alone"),
    ),
    Mutant(
        "region_ssim",
        "windows by their first pixel",
        METRICS,
        "region[:, edge : height - edge, edge : width - edge]",
        "region[:, : height - 2 * edge, : width - 2 * edge]",
        test(OF_METRICS, "ssim_of_a_region_is_scikit_images_map_there"),
    ),
    Mutant(
        "capped_psnr",
        "no cap",
        METRICS,
        "return np.minimum(psnr(image, reference, data_range), CAP)",
        "return psnr(image, reference, data_range)",
        test(OF_METRICS, "an_exact_image_counts_80_decibels_and_an_empty_region_nothing"),
    ),
    Mutant(
        "Restoration",
        "what was given is not put back",
        EVALUATOR,
        "return np.where(self.holes, self.raw, given)",
        "return self.raw",
        AROUND,
    ),
    Mutant(
        "Restoration",
        "agreement in the holes",
        EVALUATOR,
        "region_mae(self.raw, given, ~self.holes, 255)",
        "region_mae(self.raw, given, self.holes, 255)",
        AROUND,
    ),
    Mutant(
        "Restoration",
        SIGN,
        EVALUATOR,
        "if own > best:",
        "if own < best:",
        test(OF_EVALUATOR, "an_idle_model_scores_the_floor_and_is_said_to_lose"),
    ),
    Mutant(
        "Restoration",
        "by the column's name, not by the answer's conditions",
        OUTPUTS,
        "cond if self.conditioned else self.makes",
        "self.makes",
        test(OF_EVALUATOR, "one_that_translates_by_conditions_is_given_those_of_the_answer"),
    ),
    Mutant(
        "Restoration",
        "pictures of another kind are translated by conditions",
        OUTPUTS,
        "like = column == made and columns.get(given) == columns[made]",
        "like = column == made",
        test(OF_EVALUATOR, "what_cannot_be_scored_is_refused_before_training"),
    ),
    Mutant(
        "Enlarged",
        "no back-projection",
        CLASSICS,
        "found = found + self._enlarged(small - blocks.mean((2, 4)), shape)",
        "found = found + 0.0 * self._enlarged(small - blocks.mean((2, 4)), shape)",
        test(
            OF_EVALUATOR,
            "enlarging_is_compared_with_pillow_and_agreement_with_what_was_given",
        ),
    ),
    Mutant(
        "damaged",
        "the same noise twice",
        DAMAGED,
        '"noisy_again": lambda p: p.noisy(AGAIN)',
        '"noisy_again": lambda p: p.noisy(NOISE)',
        test(OF_DAMAGED, "each_column_is_the_picture_damaged_as_it_says"),
    ),
    Mutant(
        "damaged",
        "the same damage in every batch",
        DAMAGED,
        "positions = i.astype(jnp.uint32) * size + rows",
        "positions = 0 * i.astype(jnp.uint32) * size + rows",
        test(OF_DAMAGED, "a_batch_is_damaged_anew_for_each_place_in_register_with_its_picture"),
    ),
    Mutant(
        "damaged",
        "seed ignored",
        DAMAGED,
        "random.fold_in(random.key(self.seed), zlib",
        "random.fold_in(random.key(0), zlib",
        test(OF_DAMAGED, "what_is_read_is_the_same_every_time_and_another_for_another_seed"),
    ),
    Mutant(
        "gram_distance",
        "not divided by the channels",
        "genlab/metrics/style.py",
        "/ (height * width * channels)",
        "/ (height * width)",
        test("metrics/test_style.py", "a_gram_matrix_is_of_channels_over_positions"),
    ),
    Mutant(
        "Tiled",
        "tiles overlap by a step",
        TILING,
        "return -(-far // self.step) * self.step",
        "return self.step",
        test(OF_APPLY, "tiles_have_no_seams"),
    ),
    Mutant(
        "apply",
        "what cannot be read is not in the exit status",
        "genlab/cli/apply.py",
        "return int(bool(written.left_out))",
        "return 0",
        test(OF_APPLY, "what_cannot_be_read_is_left_out_and_said"),
    ),
    Mutant(
        "apply",
        "conditions are not seen",
        OUTPUTS,
        "return Way(Translates, made, conditioned=column == made)",
        "return Way(Translates, made)",
        test(OF_APPLY, "a_model_that_translates_by_conditions_is_given_them"),
    ),
    Mutant(
        "apply",
        "whatever lies there is finished",
        "genlab/data/provenance.py",
        '!= "file"} == json.loads(text(what))',
        '!= "file"} != {}',
        test(OF_APPLY, "what_was_interrupted_goes_on"),
    ),
    Mutant(
        "apply",
        "finished pictures are made again",
        "genlab/evaluation/apply.py",
        "        if not there:\n            self.say_bits",
        "        if True:\n            self.say_bits",
        test(OF_APPLY, "what_was_interrupted_goes_on"),
    ),
    Mutant(
        "MSRResNet",
        "repairs the mask",
        "genlab/nets/conditions.py",
        "return fits[0].astype(x.dtype) if fits else x[..., :channels]",
        "return x[..., :channels]",
        test(
            "nets/test_enlarging.py",
            "what_is_repaired_is_the_picture_not_the_mask_before_it_by_name",
        ),
    ),
    Mutant(
        "postprocess",
        IGNORED,
        "genlab/evaluation/postprocess.py",
        "return x + amount * (x - ",
        "return x + 1.0 * (x - ",
        test(OF_APPLY, "steps_do_what_they_say_and_are_chained_in_order"),
    ),
)
