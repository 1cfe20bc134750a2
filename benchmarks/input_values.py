"""The odd values that `input_cases` draws from."""

VALUES = [
    "nan", "inf", "-inf", "-1", "0", "1", "0.5", "-0.5", "1e30", "1e-30", "3", "none", "true",
    "false", "(1, 2)", "()", "(-1,)", "[1]", "''", "", " ", "text", "{}", "{'a': 1}", "()()",
    "1e999",
    "99999999999999999999", "0x10", "1_000", "1j", "...", "b'x'", "ü", "日本", "\x00", "a\nb",
    "os:system", "optax:adamm", "nowhere:nothing", ":", "a:", ":b", "..:x", "genlab:Loop",
    "genlab.nets:mlp", "x" * 5000, "(" * 300, "-" * 40 + "1", "1" * 5000,
]  # fmt: skip
"""Values of fields and options."""

WITHOUT_END = ("steps", "samples")  # a large one is a valid request for a long run

HUGE = {"99999999999999999999", "1e30", "1_000", "1" * 5000}
"""Values that ask for an endless run in these fields."""

BROKEN = [
    "", "\x00", "def config(:", "config = 3", "def config(): pass", "def config(): return 3",
    "def config(): return {}", "def config(): raise ValueError('no')", "def config(): 1 / 0",
    "def config(): raise KeyError()", "def config(): raise SystemExit(3)", "import nowhere",
    "def config(x): return x", "raise RuntimeError('a\\nb')", "exit()", "import sys; sys.exit('x')",
    "def config(): return config()", "def config(): raise AttributeError('x')",
    "class config: pass",
    "def config():\n\treturn 1\n        return 2", "x = '\\ud800'; raise ValueError(x)",
    "from genlab import spec\ndef config(): return spec(dict, a=1)",
    "from genlab import spec\ndef config(): return spec(print, 'x')",
    "from genlab import spec, Experiment\ndef config(): return spec(Experiment)",
    "from genlab import spec, Experiment\ndef config(): return spec(Experiment, 1, 2, 3)",
    "from genlab import spec, Loop\ndef config(): return spec(Loop)",
    "from genlab import spec\ndef config(): return spec(lambda: 1)",
    "from genlab import spec\ndef config(): return spec(3)",
    "import numpy\nfrom genlab import spec, Loop\ndef config(): return spec(Loop, numpy.ones(3))",
    "assert False", "def config(): return None",
]  # fmt: skip
"""Experiment files that are none."""

SPOILT = [
    "def sweep(): return 3", "def sweep(): return {'a': 3}", "def sweep(): return {1: {}}",
    "def sweep(): raise ValueError", "def sweep(): return {'a/../../b': {}}", "sweep = None",
    "def sweep(): return {'a': {'method.betta': 1}}", "def sweep(): return {'': {}}",
    "def sweep(): return {'a': {3: 1}}", "def sweep(): return {'a': {'seed': 'x'}}", "SEEDS = 3",
    "def sweep(): return {'a': {'optim': {}}}", "def sweep(): return {'a': {'data': None}}",
    "def sweep(): return {'a': {'method': {'call': 'os:getcwd'}}}", "SEEDS = ('x',)",
    "SEEDS = (-1,)",
    "def sweep(): return {'a': {'method': {'call': 3}}}", "SEEDS = (1.5,)", "SEEDS = 'abc'",
    "def sweep(): return {'a': {'loop': {}}}", "def sweep(): return {'\\x00': {}}", "SEEDS = None",
    "def sweep(): return {}", "def sweep(x): return {}", "def sweep(): return {'a': {'': 1}}",
    "def config(): return vae",
    "def config(): return spec(Experiment, method=1, data=2, optim=3)",
    "def config(): return spec(Experiment, spec(ring), spec(ring), {})",
    "def config():\n    c = gan(); c.batch_sise = 3; return c",
    "def config():\n    c = gan(); c.batch_size = 'x'; return c",
    "def config():\n    c = gan(); c.method = 3; return c",
    "def config():\n    c = gan(); c.unlock(); c.extra = 3; return c",
    "def config():\n    c = gan(); c.unlock(); del c.method; return c",
    "def config():\n    c = gan(); c.unlock(); c.loop = {}; return c",
    "def config():\n    c = gan(); c.unlock(); c.data.call = 'nowhere:x'; return c",
    "def config():\n    c = gan(); c.unlock(); c.title = 'a\\nb'; return c",
    "def config():\n    c = gan(); c.unlock(); c.optim = {'disk': c.optim.disc}; return c",
]  # fmt: skip
"""Mistakes appended to a valid experiment file."""

JSONS = [
    "", "null", "[]", "3", '"x"', "{", "{}", "[" * 5000, '{"a":' * 2000 + "1" + "}" * 2000, "NaN",
    "\x00", '{"call": 3}', '{"call": "os:system", "command": "true"}', "1" * 6000, '{"": {}}',
    '{"genlab": 3}', '{"evil": "/nowhere"}', '{"step": "x"}', '{"a": 1e999}', "\ufeff{}",
    '{"a": [{}]}',
]  # fmt: skip
"""Contents of the JSON files of a run folder."""
