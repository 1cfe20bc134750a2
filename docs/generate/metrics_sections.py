"""The sections of docs/metrics.md: each metric with the formula of its estimate."""

from typing import NamedTuple


class Entry(NamedTuple):
    """formula: of the estimate; known: tests of known answers, "file::name", for what has no
    reference; note: where it differs from the reference.
    """

    formula: str
    known: tuple[str, ...] = ()
    note: str = ""


class Section(NamedTuple):
    """entries: by "module.function" under genlab.metrics, or by "room.module.function"."""

    title: str
    entries: dict[str, Entry]


CLOSED = (
    "Balls are closed, as in the paper of precision and recall (equation 1) and in torch-fidelity; "
    "`prdc` counts points strictly inside. The two differ where rows are repeated: of one row, "
    "repeated, against itself precision, recall and coverage are 1 here and 0 there."
)
DISENTANGLED = ("test_disentanglement.py::",)
CONTROL = ("test_control.py::",)
BLIND = ("test_no_reference.py::",)
SECTIONS = (
    Section(
        "Fréchet distances",
        {
            "frechet.frechet_distance": Entry("|m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½)"),
            "frechet.fd_infinity": Entry(
                "intercept of least squares of FD_N on 1/N",
                ("test_frechet.py::",),
            ),
            "frechet.class_frechet": Entry(
                "mean over classes c of FD(real | c, fake | c)",
                ("test_frechet.py::",),
            ),
        },
    ),
    Section(
        "Kernels",
        {
            "kernel.kernel_distance": Entry("mean over subsets of MMD²_u, k = (xᵀy / D + 1)³"),
            "kernel.mmd": Entry("mean k(x, x') + mean k(y, y') − 2 mean k(x, y), x ≠ x', y ≠ y'"),
            "two_sample.mmd_test": Entry("share of permutations with an MMD² as large"),
            "two_sample.nearest_neighbour_test": Entry(
                "leave-one-out accuracy of the nearest neighbour's label"
            ),
        },
    ),
    Section(
        "Class probabilities",
        {
            "class_scores.inception_score": Entry("exp E KL(p(y | x) ‖ p(y))"),
            "evaluation.accuracy.classification_accuracy": Entry(
                "accuracy on one set of a classifier trained on the other",
                ("test_accuracy.py::",),
            ),
        },
    ),
    Section(
        "Transport",
        {
            "transport.sliced_wasserstein": Entry("mean over directions of W_p of the projections"),
            "transport.wasserstein": Entry("(min over couplings of E |x − y|^p)^(1/p)"),
            "transport.image_sliced_wasserstein": Entry(
                "1000 × sliced W₁ of 7×7 patches of each Laplacian level",
                ("test_transport.py::",),
            ),
        },
    ),
    Section(
        "Neighbours",
        {
            "neighbours.precision_recall": Entry(
                "share within some k-NN ball of the other set",
                (
                    "test_neighbours.py::test_rows_drawn_with_repeats_are_counted_as_equation_1_counts_them",
                ),
                CLOSED,
            ),
            "neighbours.density_coverage": Entry(
                "real balls around a fake point / k; share of real balls that hold a fake point",
                ("test_neighbours.py::test_balls_of_repeated_points_hold_their_copies",),
                CLOSED,
            ),
            "neighbours.authenticity": Entry(
                "share farther from the nearest training point than that from its own",
                ("test_neighbours.py::",),
            ),
            "neighbours.memorisation": Entry(
                "share nearer to training data than to held-out data; share of copies",
                ("test_neighbours.py::",),
            ),
            "neighbours.nearest": Entry("argmin |x − y|", ("test_neighbours.py::",)),
        },
    ),
    Section(
        "Histograms and diversity",
        {
            "curves.prd": Entry("precision and recall of the histograms over joint clusters"),
            "curves.prd_from_histograms": Entry("Σ min(λp, q), Σ min(p, q / λ), λ = tan angle"),
            "curves.f_beta": Entry("(1 + β²) P R / (β² P + R), largest along the curve"),
            "bins.ndb": Entry(
                "share of bins with |z| above the two-sided quantile", ("test_bins.py::",)
            ),
            "bins.ndb_from_counts": Entry("the same of given counts", ("test_bins.py::",)),
            "vendi.vendi_from_features": Entry("exp H of the eigenvalues of K / N, K of cosines"),
            "vendi.vendi_from_kernel": Entry("exp H of the eigenvalues of K / N"),
            "modes.mode_scores": Entry(
                "modes with a sample within 3 standard deviations; share of such samples",
                ("test_modes.py::",),
            ),
        },
    ),
    Section(
        "Images and references",
        {
            "image.mse": Entry("mean (x − y)² / range²"),
            "image.psnr": Entry("10 log₁₀(range² / mean (x − y)²)"),
            "image.ssim": Entry("mean over 11×11 Gaussian windows of l · c · s"),
            "image.ms_ssim": Entry("l_M · Π (c_j s_j)^w_j"),
            "image.diversity": Entry("mean similarity of random pairs", ("test_image.py::",)),
            "perceptual.Lpips": Entry("Σ over taps of the mean of w (f̂(x) − f̂(y))²"),
            "path_length.perceptual_path_length": Entry("E d(G(z_t), G(z_{t+ε})) / ε²"),
        },
    ),
    Section(
        "Restoration",
        {
            "restoration.luma": Entry(
                "16 + (65.481 R + 128.553 G + 24.966 B) / 255",
                ("test_restoration.py::test_luma_is_that_of_bt601",),
            ),
            "restoration.capped_psnr": Entry("min(PSNR, 80)", ("test_restoration.py::",)),
            "restoration.region_psnr": Entry(
                "10 log₁₀(range² / mean over the region of (x − y)²)", ("test_restoration.py::",)
            ),
            "restoration.region_mae": Entry(
                "mean over the region of |x − y| / range", ("test_restoration.py::",)
            ),
            "restoration.region_ssim": Entry(
                "mean of SSIM over windows centred in the region", ("test_restoration.py::",)
            ),
        },
    ),
    Section(
        "Without a known answer",
        {
            "no_reference.sharpness": Entry("Var(Δ Y), inside the picture", BLIND),
            "no_reference.noise": Entry("√(π / 2) / 6 · mean |N ∗ x|, inside the picture", BLIND),
            "no_reference.contrast": Entry("√Var(Y)", BLIND),
            "no_reference.colour_difference": Entry(
                "√ mean over channels of (m_x − m_y)² + (s_x − s_y)²", BLIND
            ),
            "no_reference.histogram_difference": Entry(
                "mean over channels of ∫ |F_x − F_y|", BLIND
            ),
        },
    ),
    Section(
        "Style",
        {
            "style.content_distance": Entry(
                "Σ over layers of mean (φ(x) − φ(y))²", ("test_style.py::",)
            ),
            "style.gram_distance": Entry("Σ over layers of ‖G(x) − G(y)‖²_F", ("test_style.py::",)),
        },
    ),
    Section(
        "Likelihood",
        {
            "bound.importance_weighted": Entry(
                "mean log w; log mean w, w = p(x, z) / q(z | x)", ("test_bound.py::",)
            ),
            "bound.bits_per_dimension": Entry("−nats / (D ln 2)", ("test_bound.py::",)),
            "annealing.ais": Entry("log mean Π w_t along p₀^(1−β) p^β", ("test_annealing.py::",)),
            "annealing.bdmc": Entry(
                "AIS forwards, and backwards from a true posterior draw", ("test_annealing.py::",)
            ),
        },
    ),
    Section(
        "Control",
        {
            "control.accuracy": Entry("share of labels measured that were asked for", CONTROL),
            "control.r2": Entry(
                "1 − Σ|m − a|² / Σ|a − ā|²; with a period of points on the unit circle", CONTROL
            ),
            "control.calibration": Entry("least squares of m on a; mean |m − a|", CONTROL),
            "control.curve": Entry("mean and percentiles of m in bins of a", CONTROL),
            "control.spread": Entry("E |x − x'|, or P(x ≠ x') of labels", CONTROL),
            "control.leakage": Entry("|after − before| / spread", CONTROL),
            "control.pairwise_distance": Entry("mean |f − f'| within a condition", CONTROL),
            "control.coverage_of": Entry(
                "distance to the nearest value trained on, over the range, at most 0.03", CONTROL
            ),
            "disentanglement.mutual_information_gap": Entry(
                "mean over factors of (I₁ − I₂) / H, the two largest over codes", CONTROL
            ),
        },
    ),
    Section(
        "Disentanglement",
        {
            "disentanglement.modularity": Entry(
                "1 − Σ other I² / ((F − 1) largest I²), mean over codes", DISENTANGLED
            ),
            "predicted.dci": Entry(
                "1 − entropy of each code's and each factor's importances; held-out accuracy",
                DISENTANGLED,
            ),
            "predicted.dci_of": Entry("the two entropies of an importance matrix", DISENTANGLED),
            "predicted.sap": Entry("best code's score − the next one's", DISENTANGLED),
            "interventions.factor_vae_score": Entry(
                "majority vote from the code that varies least while a factor is fixed",
                DISENTANGLED,
            ),
            "interventions.beta_vae_score": Entry(
                "logistic regression from |z − z'| of pairs that share a factor", DISENTANGLED
            ),
            "interventions.interventional_robustness": Entry(
                "1 − deviation while a factor is fixed / largest deviation", DISENTANGLED
            ),
            "agreement.pairwise_agreement": Entry(
                "Σ r² I / Σ R over informative codes of two models", DISENTANGLED
            ),
            "agreement.udr": Entry("median agreement with the other models", DISENTANGLED),
        },
    ),
    Section(
        "Sequences",
        {
            "text.bleu": Entry("brevity penalty × geometric mean of clipped n-gram precisions"),
            "text.self_bleu": Entry("mean BLEU of each sample against all others"),
        },
    ),
)
PARTS = {  # what a metric above is made of, and what is not one
    "frechet.moments", "frechet.merge", "frechet.frechet_from_moments",
    "frechet.fd_infinity_from_moments", "kernel.polynomial", "kernel.gaussian",
    "kernel.median_bandwidth", "transport.directions", "annealing.sigmoidal", "path_length.lerp",
    "path_length.slerp", "perceptual.lpips", "control.difference", "disentanglement.binned",
    "evaluation.accuracy.trained", "image.ssim_map", "restoration.shaved", "style.gram",
}  # fmt: skip
