"""Mistakes in what devices tell one another, in how a state lies on them, and in what is reported
of it: `python benchmarks/mutations.py --only "many devices"`.
"""

from mutants.mutant import DEVICE, Mutant, test

COLLECTIVES, PLACEMENT = "genlab/runtime/collectives.py", "genlab/runtime/placement.py"
COMMUNICATION, NORMS = "genlab/runtime/communication.py", "genlab/nets/layers/norms.py"
MLPERF = "genlab/train/trackers/mlperf.py"
OF_PLACEMENT, OF_COMMUNICATION = "test_parallel.py", "test_communication.py"
AVERAGED = test(OF_PLACEMENT, "pmap_averages_to_the_gradient_of_the_global_batch")
PROFILING, OF_PROFILING = "genlab/runtime/profiling.py", "test_profiling.py"
EVENTS = test("test_trackers.py", "mlperf_has_a_file_of_events_for_each_start")
WIDE = test(
    "nets/test_product.py",
    "for_an_accelerator_products_are_bfloat16_and_the_kernels_gradient_float32",
)
SHARDED = test(
    "test_memory.py",
    "a_fully_sharded_state_takes_its_share_of_the_memory_and_is_updated_in_place[4]",
)

PLACEMENTS = (
    Mutant(
        "many devices: gradients",
        "summed instead of averaged",
        COLLECTIVES,
        "else lax.pmean(x, AXIS), tree)",
        "else lax.psum(x, AXIS), tree)",
        AVERAGED,
    ),
    Mutant(
        "many devices: gradients",
        "reduced for each use, and summed",
        COLLECTIVES,
        "return jax.grad(own, has_aux=has_aux)(varying(owned))",
        "return jax.grad(own, has_aux=has_aux)(owned)",
        AVERAGED,
    ),
    Mutant(
        "many devices: gradients",
        "of what is drawn whole on every device",
        COLLECTIVES,
        "return lax.with_sharding_constraint(x, NamedSharding(place.mesh, P(AXIS)))",
        "return x",
        test(OF_COMMUNICATION, "jit_reduces_owned_gradients_and_nothing_else"),
    ),
    Mutant(
        "many devices: order of data",
        "a walk that asks all devices at each turn",
        COLLECTIVES,
        "    if place is None or len(x) % place.mesh.size or place.mesh.size == 1:\n",
        "    if True:\n",
        test(
            OF_COMMUNICATION,
            "each_device_orders_its_own_rows_of_the_data_and_asks_no_other[arrays]",
        ),
    ),
    Mutant(
        "many devices: BatchNorm",
        DEVICE,
        NORMS,
        "axis_name=collectives.axis() if train else None",
        "axis_name=None",
        AVERAGED,
    ),
    Mutant(
        "many devices: randomness",
        "the same on every device",
        COLLECTIVES,
        "return random.fold_in(key, lax.axis_index(AXIS)) if axis() else key",
        "return key",
        AVERAGED,
    ),
    Mutant(
        "many devices: rows",
        "those of the first device on every device",
        PLACEMENT,
        "jax.lax.axis_index(AXIS) * (size // n)",
        "0 * jax.lax.axis_index(AXIS)",
        test(OF_PLACEMENT, "pmap_gives_each_device_its_own_rows_of_a_streamed_batch"),
    ),
    Mutant(
        "many devices: a batch that does not divide",
        "not refused",
        PLACEMENT,
        "if size % n:",
        "if False:",
        test(OF_PLACEMENT, "what_cannot_be_placed_is_refused_before_compiling"),
    ),
    Mutant(
        "many devices: a fully sharded state",
        "replicated",
        PLACEMENT,
        'if self.sharding == "replicated":',
        "if True:",
        SHARDED,
    ),
    Mutant(
        "many devices: a fully sharded state",
        "parameters not gathered for a move",
        COLLECTIVES,
        "return lax.with_sharding_constraint(tree, NamedSharding(place.mesh, P()))",
        "return tree",
        test(
            OF_COMMUNICATION,
            "a_fully_sharded_state_gathers_parameters_once_a_move_and_reduces_gradients",
        ),
    ),
    Mutant(
        "many devices: the state",
        "not donated",
        PLACEMENT,
        "out_shardings=(states, everywhere), donate_argnums=0)",
        "out_shardings=(states, everywhere))",
        test(OF_PLACEMENT, "the_state_is_donated"),
    ),
    Mutant(
        "many devices: gradients in bfloat16",
        "of a product rounded before they are summed",
        "genlab/nets/kernels/product.py",
        "return _summed(x, y, jnp.dtype(dtype))",
        "return _summed(x, y, None).astype(dtype)",
        WIDE,
    ),
    Mutant(
        "many devices: gradients in bfloat16",
        "of a convolution rounded before they are summed",
        "genlab/nets/kernels/convolution.py",
        "if dtype != x.dtype.name:\n        return _into_wide_weight(x, y, turned, kernel, dtype, "
        "**fixed)",
        "if dtype != x.dtype.name:\n        own = _into_weight_native(x, y, turned=turned, "
        "kernel=kernel, dtype=x.dtype.name, **fixed)\n        return own.astype(dtype)",
        WIDE,
    ),
    Mutant(
        "gradients in bfloat16, on a GPU",
        "asked for in float32, so that XLA converts the images",
        "genlab/nets/kernels/convolution.py",
        "STATIC, gpu=_into_weight_gpu",
        "STATIC",
        WIDE,
    ),
    Mutant(
        "many devices: collectives",
        "counted once, however often a loop turns",
        COMMUNICATION,
        "found.append(Exchange(kind, _received(instruction), turns))",
        "found.append(Exchange(kind, _received(instruction), 1))",
        test(OF_COMMUNICATION, "loops_count_as_often_as_they_turn"),
    ),
    Mutant(
        "gradients in bfloat16, on a GPU",
        "of several kernels at once in float32",
        "genlab/nets/kernels/convolution.py",
        "(_into_weight, _into_weight_native, _into_weight_gpu)",
        "(_into_weight, _into_weight_native, _into_weight_native)",
        test(
            "nets/test_product.py",
            "on_a_gpu_gradients_of_several_kernels_at_once_are_of_bfloat16_images",
        ),
    ),
    Mutant(
        "traces",
        "of what was dispatched before, too",
        PROFILING,
        "            jax.block_until_ready(state)\n",
        "",
        test(OF_PROFILING, "a_trace_is_of_rounds_that_are_played"),
    ),
    Mutant(
        "traces",
        "evaluation is idle time",
        PROFILING,
        "pauses = _pauses(planes)",
        "pauses = []",
        test(OF_PROFILING, "what_is_done_apart_counts_in_no_part"),
    ),
    Mutant(
        "traces",
        "an exchange counts while something is computed",
        PROFILING,
        '"collectives": busy - computing',
        '"collectives": busy',
        test(OF_PROFILING, "a_device_computes_exchanges_or_is_idle"),
    ),
    Mutant(
        "MLPerf's events",
        "every score is the one that chooses",
        MLPERF,
        "found = not self.score or self.score in (name, name.partition",
        "found = True or self.score in (name, name.partition",
        EVENTS,
    ),
    Mutant(
        "MLPerf's events",
        "rounds instead of examples",
        MLPERF,
        "step * self.about.images",
        "step",
        EVENTS,
    ),
    Mutant(
        "MLPerf's events",
        "a stopped run is a success",
        MLPERF,
        'status = "aborted" if failed else "success"',
        'status = "success"',
        EVENTS,
    ),
)
