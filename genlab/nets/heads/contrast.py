"""What classes say of a batch's features: contrasts of each example with the global batch's others.

`f` are features and `v` the embeddings (proxies) of their labels, both compared by cosine;
`label` the classes as integers; rows that are not `known` have no label and are compared with none.
Values are of each example, higher for features that agree with their label.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from genlab.runtime import collectives


def class_contrast(
    f: Float[Array, "b d"],
    v: Float[Array, "b d"],
    label: Int[Array, " b"],
    known: Bool[Array, " b"],
    temperature: float = 1.0,
) -> Float[Array, " b"]:
    """Minus the conditional contrastive loss 2C of ContraGAN (Kang & Park 2020, arXiv:2006.12681):
    log (p_i + sum over j != i of the same class of s_ij) / (p_i + sum over all j != i of s_ij),
    with p_i = exp(f_i v_i / t) and s_ij = exp(f_i f_j / t).
    """
    f, v = unit(f), unit(v)
    others, same, similar = _compared(f, label, known)
    proxy, similar = (f * v).sum(-1) / temperature, similar / temperature
    return _log_sum(proxy, similar, others & same) - _log_sum(proxy, similar, others)


def data_to_data(
    f: Float[Array, "b d"],
    v: Float[Array, "b d"],
    label: Int[Array, " b"],
    known: Bool[Array, " b"],
    temperature: float = 0.5,
    positive: float = 0.98,
    negative: float = 0.02,
) -> Float[Array, " b"]:
    """Minus the data-to-data cross-entropy D2D-CE of ReACGAN (Kang et al. 2021, arXiv:2111.01118):
    log p_i / (p_i + sum over j of other classes of s_ij), with p_i = exp(min(f_i v_i - m_p, 0) / t)
    and s_ij = exp(max(f_i f_j - m_n, 0) / t): what is closer to its proxy than the margin m_p, and
    further from others than m_n, is left as it is.
    """
    f, v = unit(f), unit(v)
    others, same, similar = _compared(f, label, known)
    proxy = jnp.minimum((f * v).sum(-1) - positive, 0) / temperature
    similar = jnp.maximum(similar - negative, 0) / temperature
    return proxy - _log_sum(proxy, similar, others & ~same)


def unit(x: Float[Array, "b d"]) -> Float[Array, "b d"]:
    """Rows of length 1."""
    return x * lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-12)


def _compared(
    f: Float[Array, "b d"], label: Int[Array, " b"], known: Bool[Array, " b"]
) -> tuple[Bool[Array, "b n"], Bool[Array, "b n"], Float[Array, "b n"]]:
    """(whether it is another known row, whether of the same class, similarity) of each example and
    the global batch's.
    """
    everyone, labels, all_known = map(collectives.gather, (f, label, known))
    itself = collectives.own_rows(jnp.eye(len(everyone), dtype=bool), len(f))
    return ~itself & all_known[None], label[:, None] == labels[None], f @ everyone.T


def _log_sum(
    proxy: Float[Array, " b"], similar: Float[Array, "b n"], counted: Bool[Array, "b n"]
) -> Float[Array, " b"]:
    """log (exp proxy + sum of exp similar over those counted)."""
    every = jnp.concatenate([proxy[:, None], jnp.where(counted, similar, -jnp.inf)], axis=1)
    return jax.nn.logsumexp(every, axis=1)
