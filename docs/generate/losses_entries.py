"""What docs/losses.md says of each objective, penalty and regulariser beyond the code itself."""

from typing import NamedTuple

OF_LABELS = (
    "generator=spec(Generator, spec(mlp.Up, (8, 8, 1), (16,))), "
    "discriminator=spec(heads.{}, spec(mlp.Down, (16,))), given=('label',)"
)
OF_HEADS = (
    "discriminator=spec(heads.ConditionalDiscriminator, spec(mlp.Down, (16,)), heads=({},)), "
    "given=('label',)"
)
NONE = "none of them"


class Entry(NamedTuple):
    """formula: its lines; config: how a config has it; peers: who else, and what is wrong there."""

    formula: tuple[str, ...]
    config: str
    peers: str


OBJECTIVES = {
    "minimax": Entry(
        ("critic:    softplus(-r) + softplus(f)", "generator: -softplus(-r) - softplus(f)"),
        'objective="minimax"',
        "TF-GAN, torchgan (`nonsaturating=False`); mimicry's `gan` is the non-saturating loss",
    ),
    "nonsaturating": Entry(
        ("critic:    softplus(-r) + softplus(f)", "generator: softplus(-f)"),
        'objective="nonsaturating"',
        "StudioGAN, compare_gan, mimicry (log(sigmoid + 1e-8): no gradient far below 0), TF-GAN "
        "(by default with labels smoothed by 0.25), torchgan, StyleGAN2-ADA, flaxmodels, "
        "mmgeneration",
    ),
    "least_squares": Entry(
        ("critic:    ((r - 1)² + f²) / 2", "generator: (f - 1)² / 2"),
        'objective="least_squares"',
        "StudioGAN, compare_gan (on probabilities instead of logits: another game), TF-GAN, "
        "torchgan, mmgeneration (without the halves)",
    ),
    "wasserstein": Entry(
        ("critic:    f - r", "generator: -f"),
        'objective="wasserstein"',
        "StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, mmgeneration",
    ),
    "hinge": Entry(
        ("critic:    max(0, 1 - r) + max(0, 1 + f)", "generator: -f"),
        'objective="hinge"',
        "StudioGAN, compare_gan, mimicry, TF-GAN, lightweight-gan (signs reversed: a lower logit "
        "is more like data), mmgeneration",
    ),
    "relativistic": Entry(
        ("critic:    softplus(f - r)", "generator: softplus(r - f)"),
        'objective="relativistic"',
        "R3GAN",
    ),
    "relativistic_average": Entry(
        (
            "critic:    softplus(-(r - E f)) + softplus(f - E r)",
            "generator: softplus(-(f - E r)) + softplus(r - E f)",
        ),
        'objective="relativistic_average"',
        "TF-GAN",
    ),
    "relativistic_average_least_squares": Entry(
        (
            "critic:    (r - E f - 1)² + (f - E r + 1)²",
            "generator: (f - E r - 1)² + (r - E f + 1)²",
        ),
        'objective="relativistic_average_least_squares"',
        NONE,
    ),
    "relativistic_average_hinge": Entry(
        (
            "critic:    max(0, 1 - (r - E f)) + max(0, 1 + f - E r)",
            "generator: max(0, 1 - (f - E r)) + max(0, 1 + r - E f)",
        ),
        'objective="relativistic_average_hinge"',
        NONE,
    ),
    "f_kl": Entry(
        ("critic:    -r + exp(f - 1)", "generator: -f", "saddle:    r - exp(f - 1)"),
        'objective="f_kl"',
        NONE,
    ),
    "f_reverse_kl": Entry(
        ("critic:    exp(-r) + f - 1", "generator: exp(-f)", "saddle:    1 - exp(-r) - f"),
        'objective="f_reverse_kl"',
        NONE,
    ),
    "f_pearson": Entry(
        ("critic:    -r + f² / 4 + f", "generator: -f", "saddle:    r - f² / 4 - f"),
        'objective="f_pearson"',
        NONE,
    ),
    "f_squared_hellinger": Entry(
        (
            "critic:    exp(-r) - 1 + exp(f) - 1",
            "generator: exp(-f) - 1",
            "saddle:    2 - exp(-r) - exp(f)",
        ),
        'objective="f_squared_hellinger"',
        NONE,
    ),
    "f_jensen_shannon": Entry(
        (
            "critic:    softplus(-r) + softplus(f) - 2 log 2",
            "generator: softplus(-f) - log 2",
            "saddle:    2 log 2 - softplus(-r) - softplus(f)",
        ),
        'objective="f_jensen_shannon"',
        "none of them under this name: it is `nonsaturating`, or `minimax`, less a constant",
    ),
    "energy": Entry(
        ("critic:    -r + max(0, margin + f)", "generator: -f", "           energy = -logit"),
        "objective=spec(adversarial.energy, margin=10.0)",
        "torchgan",
    ),
    "boundary_equilibrium": Entry(
        (
            "critic:    L(x) - k L(G(z)),  L = -logit",
            "generator: L(G(z))",
            "k ← clip(k + rate (gamma E L(x) - E L(G(z))), 0, 1)",
        ),
        "objective=spec(adversarial.boundary_equilibrium, gamma=0.75, rate=0.001)",
        "torchgan",
    ),
    "multi_hinge": Entry(
        (
            "critic:    max(0, 1 - margin of the label, of x)",
            '           + max(0, 1 - margin of "generated", of G(z))',
            "generator: max(0, 1 - margin of the label, of G(z))",
        ),
        'objective="multi_hinge", ' + OF_LABELS.format("MarginDiscriminator"),
        "StudioGAN",
    ),
    "auxiliary": Entry(
        (
            "critic:    base.critic(r, f) - weight (log p(y | x) + log p(y | G(z)))",
            "generator: base.generator(r, f) - weight log p(y | G(z))",
        ),
        'objective=spec(adversarial.auxiliary, base="hinge", weight=1.0), '
        + OF_LABELS.format("AuxiliaryDiscriminator"),
        "StudioGAN (modified), TF-GAN, torchgan",
    ),
    "conditional": Entry(
        (
            "critic:    base.critic(r, f) - weight Σ_heads (score on data + score on samples)",
            "generator: base.generator(r, f) - weight Σ_heads the generator's score",
        ),
        'objective=spec(adversarial.conditional, base="hinge"), '
        + OF_HEADS.format('spec(heads.Classifier, "label")'),
        "StudioGAN (one head at a time)",
    ),
    "dual_contrastive": Entry(
        (
            "critic:    log(1 + Σ_j exp(f_j - r)) + log(1 + Σ_j exp(f - r_j))",
            "generator: minus that",
        ),
        'objective="dual_contrastive"',
        "lightweight-gan",
    ),
    "softmax": Entry(
        (
            "critic:    log Z - r,            Z = Σ_j exp(r_j) + Σ_j exp(f_j)",
            "generator: log Z - (r + f) / 2",
        ),
        'objective="softmax"',
        "none of them (a script of PyTorch-GAN)",
    ),
}

WRONG_IN_TORCHGAN = (
    "one coefficient for the whole batch, one norm over it, and an optimiser step of its own"
)
PENALTIES = {
    "gradient_penalty": Entry(
        ("(|∇D(x̂)| - target)²,  x̂ = x + a (G(z) - x),  a ~ U[0, 1] for each example",),
        'penalties={"gradient_penalty": 10.0}',
        "StudioGAN, compare_gan (1e-4 under the root), mimicry, TF-GAN (1e-10 there), "
        f"mmgeneration; torchgan's is wrong: {WRONG_IN_TORCHGAN}",
    ),
    "one_sided_gradient_penalty": Entry(
        ("max(0, |∇D(x̂)| - target)²",),
        'penalties={"one_sided_gradient_penalty": 10.0}',
        "TF-GAN (`one_sided`)",
    ),
    "zero_centred": Entry(("|∇D(x̂)|²",), 'penalties={"zero_centred": 10.0}', NONE),
    "wasserstein_divergence": Entry(
        ("|∇D(x̂)|^p",),
        'objective="wasserstein", penalties={"wasserstein_divergence": 2.0}',
        "none of them (a script of PyTorch-GAN)",
    ),
    "max_gradient_penalty": Entry(
        ("max over the batch of |∇D(x̂)|²",),
        'penalties={"max_gradient_penalty": 1.0}',
        "StudioGAN",
    ),
    "dragan": Entry(
        ("(|∇D(x + d)| - k)²,  d ~ N(0, c I)",),
        'penalties={"dragan": 10.0}',
        "compare_gan (uniform noise of the batch's deviation, clipped to [0, 1]), StudioGAN "
        "(likewise, and with the Wasserstein loss, which is not the paper's); torchgan's is "
        "wrong as its gradient penalty is",
    ),
    "r1": Entry(
        ("|∇D(x)|² / 2",),
        'penalties={"r1": dict(weight=10.0, every=16)}',
        "StudioGAN, R3GAN, StyleGAN2-ADA, flaxmodels, lightweight-gan, mmgeneration",
    ),
    "r2": Entry(("|∇D(G(z))|² / 2",), 'penalties={"r2": 10.0}', "R3GAN, lightweight-gan"),
    "drift": Entry(("D(x)²",), 'penalties={"drift": 0.001}', "TF-GAN (an example), mmgeneration"),
    "consistency": Entry(("(D(x) - D(T(x)))²",), 'penalties={"consistency": 10.0}', "StudioGAN"),
    "balanced_consistency": Entry(
        ("(D(x) - D(T(x)))² + samples (D(G(z)) - D(T(G(z))))²",),
        'penalties={"balanced_consistency": 10.0}',
        "StudioGAN",
    ),
    "lecam": Entry(
        ("(D(x) - a_F)² + (D(G(z)) - a_R)²,  a moving averages of the other side's logits",),
        'penalties={"lecam": 0.3}',
        "none of them: StudioGAN's is the one-sided version",
    ),
    "one_sided_lecam": Entry(
        ("max(0, D(x) - a_F)² + max(0, a_R - D(G(z)))²",),
        'penalties={"one_sided_lecam": 0.3}',
        "StudioGAN",
    ),
}

REGULARISERS = {
    "latent_consistency_critic": Entry(
        ("(D(G(z)) - D(G(z + dz)))²,  dz ~ N(0, sigma² I)",),
        'regularisers={"disc": {"latent_consistency_critic": 20.0}}',
        "StudioGAN",
    ),
    "latent_consistency_generator": Entry(
        ("-|G(z) - G(z + dz)|²,  dz ~ N(0, sigma² I)",),
        'regularisers={"gen": {"latent_consistency_generator": 0.5}}',
        "StudioGAN",
    ),
    "mode_seeking": Entry(
        ("d(z, z') / d(G(z), G(z')),  d the mean absolute difference",),
        'regularisers={"gen": {"mode_seeking": 1.0}}',
        NONE,
    ),
    "path_length": Entry(
        ("(|Jᵀy| - a)²,  y ~ N(0, I) / √(pixels),  a the moving average of |Jᵀy|",),
        'regularisers={"gen": {"path_length": dict(weight=2.0, every=4)}}',
        "StudioGAN, StyleGAN2-ADA, flaxmodels, mmgeneration",
    ),
    "squared_weights": Entry(
        ("|θ|²",), 'regularisers={"gen": {"squared_weights": 1e-6}}', "pythae (by its optimiser)"
    ),
    "squared_jacobian": Entry(
        ("|Jᵀy|²,  y ~ N(0, I),  whose mean is |J|² (Frobenius)",),
        'regularisers={"gen": {"squared_jacobian": 1e-6}}',
        "pythae (gradient of the sum over pixels)",
    ),
    "orthogonal": Entry(
        ("Σ over kernels W of |WᵀW ⊙ (1 - I)|²",),
        'regularisers={"disc": {"orthogonal": 1e-4}, "gen": {"orthogonal": 1e-4}}',
        "BigGAN-PyTorch; StudioGAN and compare_gan have orthogonal initialisation only",
    ),
    "feature_matching": Entry(
        ("|E φ(x) - E φ(G(z))|²,  φ the critic's features",),
        'regularisers={"gen": {"feature_matching": 1.0}}',
        "StudioGAN (absolute difference), torchgan",
    ),
    "feature_matching_l1": Entry(
        ("Σ over layers k of mean |φ_k(x) - φ_k(G(z))|,  φ_k the critic's maps",),
        "discriminator=spec(patchgan.MultiScale, spec(patchgan.Discriminator, padding=2)), "
        'regularisers={"gen": {"feature_matching_l1": 10.0}}',
        "SPADE's own code",
    ),
    "pulling_away": Entry(
        ("mean over j ≠ i of cos²(φ(G(z_i)), φ(G(z_j)))",),
        'regularisers={"gen": {"pulling_away": 0.1}}',
        "torchgan's normalises over the batch instead of the features",
    ),
}
