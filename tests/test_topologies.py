"""Programs for TPUs that are not there: read from XLA's text, and compiled where libtpu is."""

import importlib.util
import json
import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest
from helpers import tiny
from jax import lax

from genlab import spec
from genlab.cli.main import main
from genlab.config import ConfigError, build
from genlab.methods import GAN
from genlab.methods.gan.options import generator_batch
from genlab.nets import Discriminator, Generator, resnet
from genlab.nets.kernels.convolution import Conv
from genlab.runtime import accelerators, analysis, hlo, topologies
from genlab.runtime.communication import exchanges
from genlab.runtime.compiler import compiled_anew
from genlab.runtime.topologies import named
from genlab.train.benchmark import dtypes, of_peaks
from genlab.train.program import prepare
from genlab.train.topology import all_reduced, collectives, lines, predicted, recomputable

SCANNED = """\
HloModule jit_run, is_scheduled=true, input_output_alias={ {0}: (0, {}, may-alias), {1}: (2, {}, may-alias) }, entry_computation_layout={()->f32[]}

%sum (a: f32[], b: f32[]) -> f32[] {
  %a = f32[]{:T(128)} parameter(0)
  %b = f32[]{:T(128)} parameter(1)
  ROOT %c = f32[]{:T(128)} add(%a, %b)
}

%kernel (p0: f32[100,4], p1: s32[]) -> f32[1,4] {
  %p0 = f32[100,4]{1,0:T(8,128)} parameter(0)
  %p1 = s32[]{:T(128)} parameter(1)
  ROOT %part = f32[1,4]{1,0:T(1,128)} dynamic-slice(%p0, %p1), dynamic_slice_sizes={1,4}
}

%body (x: (s32[], f32[8,4], f32[100,4])) -> (s32[], f32[8,4], f32[100,4]) {
  %x = (s32[]{:T(128)}, f32[8,4]{1,0:T(8,128)}, /*index=2*/f32[100,4]{1,0:T(8,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%x), index=0
  %w = f32[8,4]{1,0:T(8,128)} get-tuple-element(%x), index=1
  %held = f32[100,4]{1,0:T(8,128)} get-tuple-element(%x), index=2
  %row = f32[1,4]{1,0:T(1,128)} fusion(%held, %i), kind=kLoop, calls=%kernel, backend_config={"window_config":{"estimated_cycles":"50"}}
  %near = f32[8,4]{1,0:T(8,128)S(1)} copy(%w)
  %all = (f32[8,4]{1,0:T(8,128)}, f32[]{:T(128)}) all-reduce(%near, %i), channel_id=1, replica_groups=mesh['axis_0'=4] {'axis_0'}, to_apply=%sum
  ROOT %next = (s32[]{:T(128)}, f32[8,4]{1,0:T(8,128)}, f32[100,4]{1,0:T(8,128)}) tuple(%i, %w, %held)
}

%condition (y: (s32[], f32[8,4], f32[100,4])) -> pred[] {
  %limit = s32[]{:T(128)} constant(3)
  %y = (s32[]{:T(128)}, f32[8,4]{1,0:T(8,128)}, f32[100,4]{1,0:T(8,128)}) parameter(0)
  %j = s32[]{:T(128)} get-tuple-element(%y), index=0
  ROOT %lt = pred[]{:T(512)} compare(%j, %limit), direction=LT
}

%all-reduce-scatter.1 (given: f32[8,4]) -> f32[2,4] {
  %given = f32[8,4]{1,0:T(8,128)} parameter(0)
  %whole = f32[8,4]{1,0:T(8,128)} all-reduce(%given), channel_id=2, to_apply=%sum
  ROOT %mine = f32[2,4]{1,0:T(2,128)} dynamic-slice(%whole), dynamic_slice_sizes={2,4}
}

%begin (w1: f32[2,4]) -> f32[8,4] {
  %w1 = f32[2,4]{1,0:T(2,128)} parameter(0)
  ROOT %g1 = f32[8,4]{1,0:T(8,128)} all-gather(%w1), channel_id=3, backend_config={"async_collective_fusion_config":{"flag_start":"-1"}}
}

%go_on (w2: f32[2,4]) -> f32[8,4] {
  %w2 = f32[2,4]{1,0:T(2,128)} parameter(0)
  ROOT %g2 = f32[8,4]{1,0:T(8,128)} all-gather(%w2), channel_id=3, backend_config={"async_collective_fusion_config":{"flag_start":"2"}}
}

ENTRY %main (first: f32[8,4], held: f32[100,4]) -> f32[8,4] {
  %first = f32[8,4]{1,0:T(8,128)} parameter(0)
  %held = f32[100,4]{1,0:T(8,128)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %begun = (s32[]{:T(128)}, f32[8,4]{1,0:T(8,128)}, f32[100,4]{1,0:T(8,128)}) tuple(%zero, %first, %held)
  %done = (s32[]{:T(128)}, f32[8,4]{1,0:T(8,128)}, f32[100,4]{1,0:T(8,128)}) while(%begun), condition=%condition, body=%body
  %w = f32[8,4]{1,0:T(8,128)} get-tuple-element(%done), index=1
  %part = f32[2,4]{1,0:T(2,128)} fusion(%w), kind=kCustom, calls=%all-reduce-scatter.1
  %started = f32[8,4]{1,0:T(8,128)} fusion(%part), kind=kCustom, calls=%begin
  %further = f32[8,4]{1,0:T(8,128)} fusion(%part), kind=kCustom, calls=%go_on
  %sent = (f32[2,4]{1,0:T(2,128)}, f32[2,4]{1,0:T(2,128)}, u32[]{:S(2)}) collective-permute-start(%part), channel_id=4, source_target_pairs={{0,1},{1,0}}
  %mine = f32[2,4]{1,0:T(2,128)} collective-permute-done(%sent)
  ROOT %turned = f32[4,8]{1,0:T(4,128)} transpose(%further), dimensions={1,0}
}
"""  # noqa: E501


def test_collectives_are_counted_in_loops_in_fused_kernels_and_once_however_many_name_them():
    found = exchanges(SCANNED)
    assert [(e.kind, e.times, e.bytes) for e in found] == [
        ("all-reduce", 3, 4 * 33),
        ("reduce-scatter", 1, 4 * 8),
        ("all-gather", 1, 4 * 32),
        ("collective-permute", 1, 4 * 8),
    ]
    assert all_reduced(hlo.parse(SCANNED), rounds=3) == {"f32": 132}
    rows = collectives(hlo.parse(SCANNED), rounds=3)
    assert rows["all-reduce"] == {"count": 1, "bytes": 132} and len(rows) == 4


def test_the_length_of_a_loop_is_found_in_a_condition_that_is_one_kernel():
    compare = "  ROOT %lt = pred[]{:T(512)} compare(%j, %limit), direction=LT\n"
    fused = SCANNED.replace("%condition (y", """%test (a1: s32[], b1: s32[]) -> pred[] {
  %a1 = s32[]{:T(128)} parameter(0)
  %b1 = s32[]{:T(128)} parameter(1)
  ROOT %less = pred[]{:T(512)} compare(%a1, %b1), direction=LT
}

%condition (y""").replace(
        compare, "  ROOT %lt = pred[]{:T(512)} fusion(%j, %limit), kind=kLoop, calls=%test\n"
    )  # fmt: skip
    assert compare in SCANNED and hlo.parse(fused).times()["body"] == 3


def test_a_loop_whose_condition_is_of_another_form_has_no_known_length():
    odd = SCANNED.replace("direction=LT", "direction=NE")
    assert hlo.parse(odd).times()["body"] is None
    with pytest.raises(ValueError, match="length is not known"):
        exchanges(odd)


def test_bytes_of_main_memory_are_those_that_are_touched_tiles_and_all():
    """Of the hundred rows one is read and one is written, of 128 numbers each for their 4; what is
    copied on to the chip is read alone.
    """
    program = hlo.parse(SCANNED)
    body = program.computations["body"]
    moved = {name: analysis.traffic(program, body, one) for name, one in body.instructions.items()}
    assert moved["row"] == 2 * 4 * 128 + 4  # and the index
    assert moved["near"] == 4 * 8 * 128 and moved["next"] == 0
    found = analysis.work(program)
    assert found.cycles == 3 * 50 and found.copied == 3 * 4 * 8 * 128 + 4 * (8 + 4) * 128
    assert found.padded > 20 * found.plain and analysis.donated(SCANNED) == 2


def conv(x, w, **how):
    return lax.conv_general_dilated(
        x, w, how.pop("strides", (2, 2)), how.pop("pads", "SAME"),
        dimension_numbers=("NHWC", "HWIO", "NHWC"), **how,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shapes", "how"),
    [
        (((2, 9, 9, 3), (4, 4, 3, 5)), {}),
        (
            ((2, 5, 5, 4), (3, 3, 2, 6)),
            {
                "strides": (1, 1),
                "pads": [(1, 2), (0, 1)],
                "lhs_dilation": (2, 2),
                "rhs_dilation": (1, 2),
                "feature_group_count": 2,
            },
        ),
    ],
)
def test_products_are_counted_as_xla_counts_them(shapes, how):
    """A convolution and both of its gradients."""
    loss = jax.grad(lambda x, w: conv(x, w, **dict(how)).sum(), argnums=(0, 1))
    compiled = jax.jit(loss).lower(*map(jnp.ones, shapes)).compile()
    found = analysis.work(hlo.parse(compiled.as_text())).flops
    assert found == compiled.cost_analysis()["flops"]


def test_the_products_of_a_loop_count_as_often_as_it_turns():
    def repeated(x):
        return lax.scan(lambda x, _: (jnp.sin(x @ x), None), x, None, length=7)[0]

    text = jax.jit(repeated).lower(jnp.ones((16, 16))).compile().as_text()
    assert analysis.work(hlo.parse(text)).flops == 7 * 2 * 16**3


@pytest.mark.parametrize(
    ("name", "chips", "links", "hops"),
    [
        ("v5e:1x1", 1, 0, 0),
        ("v5e:2x2", 4, 2, 2),
        ("v6e:4x8", 32, 2, 10),
        ("v5e:16x16", 256, 4, 16),
        ("v4:2x2x1", 4, 2, 2),
        ("v5p:8x8x16", 1024, 6, 16),
    ],
)
def test_the_links_of_a_slice_are_those_of_its_mesh_or_torus(name, chips, links, hops):
    found = named(name)
    assert (found.name, found.chips, found.links, found.hops) == (name, chips, links, hops)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("v5e:2x3", r"no topology 'v5e:2x3'; did you mean .* \(v5e has 1x1, 2x2, 2x4"),
        ("v5", r"no topology 'v5'.*\(v4: 1x1x1, .*; v5e: 1x1, .*; v5p: .*; v6e: "),
        ("", "no topology ''"),
    ],
)
def test_an_unknown_topology_is_refused_with_those_there_are(name, told):
    with pytest.raises(ConfigError, match=told):
        named(name)


def test_without_its_compiler_a_topology_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'genlab\[tpu\]'"):
        topologies.devices(named("v5e:2x2"))


def test_the_time_of_collectives_by_hand():
    """16 x 16 chips, four links of 50 GB/s, 16 hops; four chips in a square, one link a side."""
    pod, four, size = named("v5e:16x16"), named("v5e:2x2"), 10**6
    assert pod.seconds("all-reduce", size) == pytest.approx(2 * 255 / 256 * 5e-6 + 32e-6)
    assert four.seconds("all-gather", size) == pytest.approx(3 / 4 * 1e-5 + 2e-6)
    parts = pod.seconds("reduce-scatter", size / 256) + pod.seconds("all-gather", size)
    assert parts == pytest.approx(pod.seconds("all-reduce", size))
    assert named("v5e:1x1").seconds("all-reduce", size) == 0


def test_the_roofline_has_its_limits():
    """The slower of products and memory; efficiency 1 where nothing is exchanged, and less the
    more there is.
    """
    four = named("v5e:2x2")
    record = {"flops": 197e9, "bytes": 819e5, "cycles": 1e6, "collectives": {}}
    found = predicted(record, four, 2e-9)
    assert found["round"] == pytest.approx({"roofline": 1e-3, "compiler": 2e-3})
    assert found["efficiency"] == {"roofline": 1, "compiler": 1}
    assert found["share_of_peak"] == pytest.approx({"roofline": 1, "compiler": 0.5})
    record["collectives"] = {"all-reduce": {"count": 2, "bytes": 8e7}}
    more = predicted(record, four, 2e-9)
    assert more["seconds"]["collectives"] == pytest.approx(1.5 * 8e-4 + 2 * 4e-6)
    assert more["efficiency"]["roofline"] < more["efficiency"]["compiler"] < 1


def test_an_accelerator_is_known_by_what_jax_calls_it():
    assert accelerators.known("TPU v5 lite") is accelerators.TPUS["v5e"]
    assert accelerators.known("NVIDIA A100-SXM4-80GB").memory == 80e9
    assert accelerators.known("NVIDIA H100 80GB HBM3").flops["bfloat16"] == 989.5e12
    assert accelerators.known("NVIDIA L40S").flops["float32"] == 183e12
    assert accelerators.known("cpu") is None and accelerators.known("NVIDIA L401") is None


def test_a_speed_is_divided_by_the_peak_of_its_own_dtype():
    """Two H100: 989.5 TFLOP/s each in bfloat16, 494.7 in float32, which is TensorFloat32 there."""
    h100 = [SimpleNamespace(device_kind="NVIDIA H100 80GB HBM3")] * 2
    found = of_peaks(989.5e12, "bfloat16", h100, 1500e12)
    assert found["mfu"] == pytest.approx(0.5) and found["share_of_peak"] == pytest.approx(
        0.66, 0.01
    )
    assert of_peaks(989.4e12, "float32", h100, 1e15)["mfu"] == pytest.approx(1)
    assert of_peaks(1.0, "float64", h100, 1e15)["mfu"] is None


@pytest.mark.parametrize("placement", ["jit", "pmap"])
def test_the_dtype_of_a_program_is_that_of_most_of_its_products(placement):
    """The penalty and the heads stay float32."""
    config = tiny.wgan_gp(loop={"placement": placement})
    for net in ("generator", "discriminator"):
        config.method[net].trunk.dtype = "bfloat16"
    shares = dtypes(prepare(config))
    assert sum(shares.values()) == pytest.approx(1)
    assert [*shares] == ["bfloat16", "float32"] and shares["bfloat16"] > 0.6


def test_blocks_that_could_be_computed_again_are_named_as_the_config_names_them():
    critic = spec(Discriminator, spec(resnet.Down, width=4, remat=True))
    method = spec(GAN, spec(Generator, spec(resnet.Up, (8, 8, 1), width=4)), critic, latent=4)
    assert list(recomputable(build(method), "method")) == ["method.generator.trunk.remat"]


needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu, the compiler for TPU, is not there"
)


@pytest.fixture(scope="module")
def chips():
    return topologies.devices(named("v5e:2x2"))


def compiled(chips, config, rounds=2):
    """The executable of a config for chips, and what it was made from."""
    training = prepare(config, chips)
    with compiled_anew():
        made = training.compile(training.like(), training.held_like(rounds), rounds)
    return training, made.executable


NORM = 2 * 16  # numbers in the statistics of a BatchNorm, forward or backward
OWNED = {"jit": {"all-reduce"}, "pmap": {"all-reduce"}}


@pytest.mark.tpu
@needs_compiler
@pytest.mark.parametrize("placement", ["jit", "pmap"])
def test_a_round_exchanges_owned_gradients_and_statistics_and_donates_its_state(chips, placement):
    """On TPU each gradient is reduced once, also under `jit` and also where a network is used on
    real and on generated images; running averages of statistics are not reduced again.
    """
    training, made = compiled(chips, tiny.gan("BatchNorm", loop={"placement": placement}))
    text, state = made.as_text(), training.like()
    found = exchanges(text)
    assert {e.kind for e in found} == {"all-reduce"}
    assert {dtype for e in found for dtype, _ in e.arrays} == {"f32"}
    sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in state.params.items()}
    numbers = sum(e.times * math.prod(shape) for e in found for _, shape in e.arrays if shape) / 2
    # the generator's norm: forward in the critic's move, forward and backward in its own; the
    # critic's: forward and backward on real and on generated images, and in the generator's move
    assert 0 <= numbers - sum(sizes.values()) <= 12 * NORM
    changed = [x for x in jax.tree.leaves(state.replace(key=()))]
    assert analysis.donated(text) >= len(changed)
    whole = sum(x.size * x.dtype.itemsize for x in changed)
    assert made.memory_analysis().alias_size_in_bytes >= whole


@pytest.mark.tpu
@needs_compiler
def test_rows_that_a_generator_is_judged_on_twice_stay_on_their_chips(chips):
    twice = {"objective": "relativistic", "options": (spec(generator_batch, 2),)}
    _, made = compiled(chips, tiny.gan(method=twice), rounds=1)
    assert {e.kind for e in exchanges(made.as_text())} == {"all-reduce"}


@pytest.mark.tpu
@needs_compiler
def test_in_bfloat16_too_the_gradient_of_a_kernel_is_summed_once_and_in_float32(chips):
    """Under `jit` the partitioner sums what a product gives: it has to be float32, or uses of a
    network cannot be added before.
    """
    found = {}
    for placement in ("jit", "pmap"):
        config = tiny.gan(loop={"placement": placement})
        for net in ("generator", "discriminator"):
            config.method[net].trunk.dtype = "bfloat16"
        training, made = compiled(chips, config)
        found[placement] = exchanges(made.as_text())
    kernel = training.like().params["disc"]["trunk"]["Dense_0"]["kernel"].shape
    sums = {p: [a for e in found[p] for a in e.arrays if a[1] == kernel] for p in found}
    assert sums == {"jit": [("f32", kernel)], "pmap": [("f32", kernel)]}


@pytest.mark.tpu
@needs_compiler
def test_a_fully_sharded_state_takes_its_share_of_a_chips_memory(chips):
    """Bytes of arguments in tiles: vectors of a small net are padded, so whole matrices count."""
    held = {}
    for sharding in ("replicated", "full"):
        wide = tiny.gan(loop={"sharding": sharding})
        for net, trunk in (("generator", "hidden"), ("discriminator", "hidden")):
            wide.method[net].trunk[trunk] = (512,)
        training, made = compiled(chips, wide, rounds=1)
        held[sharding] = made.memory_analysis().argument_size_in_bytes
        state = jax.tree.leaves(training.like().replace(key=()))
        whole = sum(x.size * x.dtype.itemsize for x in state)
    saved = held["replicated"] - held["full"]
    assert saved == pytest.approx(3 / 4 * whole, rel=0.05)
    found = exchanges(made.as_text())  # of the sharded one: parameters gathered once a move
    assert {e.kind for e in found} <= {"all-reduce", "all-gather", "reduce-scatter"}
    sent = [math.prod(shape) for e in found if e.kind == "all-gather" for _, shape in e.arrays]
    params = sum(x.size for x in jax.tree.leaves(training.like().params))
    assert 0 < sum(sent) <= 2 * params


@pytest.mark.tpu
@needs_compiler
@pytest.mark.parametrize(
    ("side", "stride", "channels", "groups", "fewer"),
    [
        pytest.param(4, 2, 64, 1, True, id="winograd, stride 2"),
        pytest.param(3, 1, 128, 1, True, id="winograd"),
        pytest.param(3, 1, 16, 1, False, id="rows of taps"),
        pytest.param(3, 1, 32, 8, False, id="groups"),
    ],
)
def test_no_form_of_a_convolution_for_cpu_is_in_a_program_for_tpu(
    side, stride, channels, groups, fewer, chips
):
    """As many products as `lax` has for it and both gradients; on CPU some have fewer."""
    net = Conv(
        channels, (side, side), strides=(stride, stride), use_bias=False, feature_group_count=groups
    )

    def ours(x, w):
        return net.apply({"params": {"kernel": w}}, x)

    def plain(x, w):
        return lax.conv_general_dilated(
            x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip

    def products(convolution, device):
        one = jax.sharding.SingleDeviceSharding(device)
        kernel = (side, side, channels // groups, channels)
        given = [
            jax.ShapeDtypeStruct(shape, jnp.float32, sharding=one)
            for shape in ((16, 16, 16, channels), kernel)
        ]
        loss = jax.value_and_grad(lambda x, w: (convolution(x, w) ** 2).sum(), argnums=(0, 1))
        with compiled_anew():
            text = jax.jit(loss).lower(*given).compile().as_text()
        return analysis.work(hlo.parse(text)).flops

    assert products(ours, chips[0]) == products(plain, chips[0])
    if fewer:
        assert products(ours, jax.devices()[0]) < products(plain, jax.devices()[0])


@pytest.mark.tpu
@needs_compiler
def test_bench_for_a_topology_prints_and_keeps_what_it_read(tmp_path, capsys):
    file, out = tmp_path / "tiny.py", tmp_path / "record.json"
    file.write_text("from helpers import tiny\n\n\ndef config():\n    return tiny.gan()\n")
    assert main(["bench", f"--config={file}", "--topology=v6e:2x2", f"--out={out}"]) == 0
    told, record = capsys.readouterr().out, json.loads(out.read_text())
    assert "v6e:2x2: 4 chips" in told and "all-reduce: " in told and "efficiency" in told
    assert [*record["all_reduced"]] == ["f32"] and "summed in bfloat16" not in told
    assert "summed in bfloat16" in "\n".join(lines(record | {"all_reduced": {"bf16": 1e6}}))
    assert record["fits"] and record["memory"]["peak"] < 2**25 and record["flops"] > 0
    many = [f"--config={file}", "--topology=v5e:1x1", "--config.batch_size=67108864"]
    assert main(["bench", *many]) == 0
    told = capsys.readouterr().out
    assert (
        "does not fit" in told and "of a chip's 15.8 GiB" in told and "--config.batch_size=" in told
    )
