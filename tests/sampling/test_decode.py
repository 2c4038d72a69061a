"""The decode loop against a naive one, with a model made of letters."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.memory_mixers import MEMORY_MIXERS
from tfmusic.config import ModelConfig
from tfmusic.models import MusicDecoder, mixers
from tfmusic.sampling import DecodeLoop, penalize_repetition, sample
from tfmusic.sampling.samplers import MASKED
from tfmusic.tokenizers import BOS, EOS, PAD, ChoraleTokenizer, Grammar

LETTERS = "_.^abcde"  # PAD, EOS, BOS, then music
SIZE = len(LETTERS)
NUM_HASHES = 997


def letter_grammar():
    """Letters stand anywhere, and are told their place modulo 3; EOS after two."""
    classes = np.array([0, 1, 0] + [2] * (SIZE - 3), np.int32)
    next_state = np.full([7, 3], -1, np.int32)
    next_state[:, 2] = [1, 2, 3, 4, 5, 6, 1]
    next_state[2::2, 1] = 0
    return Grammar(
        classes=classes,
        next_state=next_state,
        state_features={"place": np.array([0, 1, 2, 3, 1, 2, 3], np.int32)},
        token_features={"vowel": np.int32([c in "ae" for c in LETTERS])},
    )


GRAMMAR = letter_grammar()


class LetterModel:
    """Logits depend on every token and feature in the cache, and on its row.

    The cache holds a number for each token; the logits are a row of a table, found
    by the sum of all numbers.
    """

    feature_names = ("place", "vowel")
    cache_kinds = (("rows",),)
    max_length = 12

    def __init__(self, scale=2.0):
        table = np.random.default_rng(0).normal(0, scale, [NUM_HASHES, SIZE])
        self.table = table.astype(np.float32)

    def init_cache(self, batch_size, max_length):
        return ((tf.zeros([batch_size, 1, max_length, 1]),),)

    def extend(self, inputs, cache, position):
        assert set(inputs) == {"tokens", *self.feature_names}
        time = inputs["tokens"].shape[1]
        rows = position + tf.range(time)
        numbers = self.numbers(inputs, rows)  # [B, T]
        old = cache[0][0][:, 0, :, 0]  # [B, M]
        filled = tf.range(tf.shape(old)[1]) < position
        total = tf.reduce_sum(tf.where(filled, old, 0.0), axis=1, keepdims=True)
        total += tf.cumsum(tf.cast(numbers, tf.float32), axis=1)  # [B, T]
        logits = tf.gather(self.table, tf.cast(total, tf.int32) % NUM_HASHES)
        return logits, ((tf.cast(numbers, tf.float32)[:, None, :, None],),)

    @staticmethod
    def numbers(inputs, rows):
        place, vowel = inputs["place"], inputs["vowel"]
        return (inputs["tokens"] * 31 + place * 7 + vowel * 3 + 1) * (rows + 5) % 101

    def last_logits(self, inputs):
        """[V] after a whole window of `[T]` inputs."""
        numbers = self.numbers(inputs, np.arange(len(inputs["tokens"])))
        return self.table[int(numbers.sum()) % NUM_HASHES]


def naive_generate(last_logits, grammar, prime, uniforms, num_rows, **settings):
    """One row, the whole window again for each token; new ids with their EOS."""
    penalty = settings.pop("repetition_penalty", 1.0)
    ids, new = list(prime), []
    for uniform in uniforms:
        tokens = np.array([BOS, *ids])
        states = grammar.states(np.array(ids, np.int32))
        inputs = {"tokens": tokens, **grammar.features(states, tokens)}
        start, filled = 0, 0
        for _ in tokens:
            if filled == num_rows:
                filled = num_rows // 2
                start += num_rows - filled
            filled += 1
        logits = last_logits({name: x[start:] for name, x in inputs.items()})
        seen = np.isin(np.arange(len(logits)), ids)
        logits = np.asarray(penalize_repetition(logits[None], seen[None], penalty))
        logits = np.where(grammar.allowed[states[-1]], logits, MASKED)
        token = int(sample(logits, [uniform], **settings)[0])
        ids.append(token)
        new.append(token)
        if token == EOS:
            break
    return new


def run_loop(loop, primes, uniforms, jit_compile=False, **settings):
    """The loop's rows, [B, P + N]."""
    return tf.function(loop, jit_compile=jit_compile)(
        tf.constant(pad(primes)),
        tf.constant([len(prime) for prime in primes], tf.int32),
        tf.constant(uniforms),
        tf.constant(len(uniforms)),
        **settings,
    ).numpy()


def pad(primes):
    padded = np.full((len(primes), max(map(len, primes))), PAD, np.int32)
    for row, prime in zip(padded, primes, strict=True):
        row[: len(prime)] = prime
    return padded


def check(rows, primes, news):
    """Each row is its prime, its new tokens, then PAD."""
    for row, prime, new in zip(rows, primes, news, strict=True):
        expected = [*prime, *new]
        assert row[: len(expected)].tolist() == expected
        assert (row[len(expected) :] == PAD).all()


def random_primes(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(3, SIZE, length).astype(np.int32) for length in lengths]


def random_uniforms(num_tokens, batch_size, seed=0):
    return np.random.default_rng(seed).random((num_tokens, batch_size), np.float32)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("lengths", "num_tokens", "num_rows", "chunk"),
    [
        ([0], 7, 64, 4),  # from nothing
        ([0, 0], 30, 8, 3),  # past the cache
        ([9, 2, 5], 12, 64, 4),  # longer primes are forced
        ([11, 9], 25, 10, 4),  # and the cache overflows, at and after the start
        ([40, 33], 20, 9, 4),  # primes longer than the cache, of odd length
        ([8, 8], 20, 16, 64),  # the chunk is longer than the prime
    ],
)
def test_equals_the_naive_loop(lengths, num_tokens, num_rows, chunk, jit_compile):
    model = LetterModel()
    loop = DecodeLoop(model, GRAMMAR, cache_length=num_rows, chunk=chunk)
    primes = random_primes(lengths)
    uniforms = random_uniforms(num_tokens, len(lengths), seed=5)
    settings = dict(temperature=0.9, top_k=4, top_p=0.95, repetition_penalty=1.3)
    rows = run_loop(loop, primes, uniforms, jit_compile, **settings)
    assert rows.shape == (len(lengths), max(lengths) + num_tokens)
    news = [
        naive_generate(
            model.last_logits, GRAMMAR, prime, uniforms[:, row], num_rows, **settings
        )
        for row, prime in enumerate(primes)
    ]
    check(rows, primes, news)


def test_runs_past_one_and_a_half_times_the_trained_length():
    """With EOS out of the way, every token asked for comes."""
    grammar = dataclasses.replace(GRAMMAR, next_state=GRAMMAR.next_state.copy())
    grammar.next_state[:, 1] = -1
    num_tokens = LetterModel.max_length * 3 // 2
    loop = DecodeLoop(LetterModel(), grammar)
    rows = run_loop(loop, random_primes([0]), random_uniforms(num_tokens, 1))
    assert rows.shape == (1, num_tokens) and (rows > BOS).all()


def test_a_row_does_not_depend_on_its_batch():
    loop = DecodeLoop(LetterModel(), GRAMMAR, cache_length=8, chunk=2)
    primes = random_primes([3, 17, 0])
    uniforms = random_uniforms(20, 3)
    rows = run_loop(loop, primes, uniforms)
    for row, prime in enumerate(primes):
        alone = run_loop(loop, [prime], uniforms[:, row : row + 1])[0]
        assert rows[row, : len(alone)].tolist() == alone.tolist()
        assert (rows[row, len(alone) :] == PAD).all()


class ConstantModel(LetterModel):
    """The same logits always."""

    def __init__(self, logits):
        self.table = np.tile(np.float32(logits), (NUM_HASHES, 1))


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.0])
def test_a_model_with_all_its_mass_on_eos_stops_where_eos_may_stand(temperature):
    loop = DecodeLoop(ConstantModel([0, 1e4, 0, 0, 0, 1, 0, 0]), GRAMMAR)
    primes = random_primes([4, 0, 1])
    uniforms = random_uniforms(6, 3)
    rows = run_loop(loop, primes, uniforms, temperature=temperature)
    ends = [row.tolist().index(EOS) for row in rows]
    assert ends == [4, 2, 2]
    for row, end in zip(rows, ends, strict=True):
        assert (row[:end] > BOS).all() and (row[end + 1 :] == PAD).all()


def test_ids_that_are_not_allowed_are_never_drawn():
    tokenizer = ChoraleTokenizer()

    class Model(ConstantModel):
        feature_names = ("voice", "beat", "pitch")
        numbers = staticmethod(lambda inputs, rows: inputs["voice"])

    # PAD and BOS are the likeliest of all, EOS the likeliest of the rest.
    loop = DecodeLoop(Model([9, 6, 9] + [3] * 47), tokenizer.grammar)
    rows = run_loop(loop, [[]] * 20, random_uniforms(200, 20))
    lengths = [row.tolist().index(EOS) for row in rows]
    assert all(length > 0 and length % 4 == 0 for length in lengths)
    assert len(set(lengths)) > 3
    for row, length in zip(rows, lengths, strict=True):
        assert (row[:length] > BOS).all()


def test_a_row_ends_when_its_own_tokens_are_spent():
    loop = DecodeLoop(ConstantModel([0, -1e4, 0, 0, 0, 1, 0, 0]), GRAMMAR)
    primes = random_primes([2, 7])
    uniforms = random_uniforms(10, 2)
    arguments = tf.constant(pad(primes)), tf.constant([2, 7]), tf.constant(uniforms)
    for num_tokens in (0, 1, 3, 10):
        rows = tf.function(loop)(*arguments, tf.constant(num_tokens)).numpy()
        assert rows.shape == (2, 17)
        assert (rows != PAD).sum(axis=1).tolist() == [2 + num_tokens, 7 + num_tokens]


def test_compiles_once_for_each_shape():
    traces = []

    class Model(LetterModel):
        def init_cache(self, batch_size, max_length):
            traces.append(max_length)
            return super().init_cache(batch_size, max_length)

    function = tf.function(DecodeLoop(Model(), GRAMMAR), jit_compile=True)
    for seed in range(3):
        function(
            tf.constant(pad(random_primes([2 + seed, 4], seed))),
            tf.constant([2 + seed, 4]),
            tf.constant(random_uniforms(5, 2, seed)),
            tf.constant(5 - seed),
            *(tf.constant(0.5 + seed), tf.constant(seed), tf.constant(1.0)),
            *(tf.constant(0.1 * seed), tf.constant(1.0 + seed)),
        )
    assert len(traces) == 1


def test_sizes_may_be_unknown_in_a_plain_graph():
    loop = DecodeLoop(LetterModel(), GRAMMAR, cache_length=8, chunk=2)
    function = tf.function(
        lambda *arguments: loop(*arguments, temperature=0.8),
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([], tf.int32),
        ],
    )
    for lengths, num_tokens in (([0], 9), ([3, 20, 6], 14)):
        primes = random_primes(lengths)
        uniforms = random_uniforms(num_tokens, len(lengths))
        rows = function(pad(primes), np.int32(lengths), uniforms, num_tokens).numpy()
        expected = run_loop(loop, primes, uniforms, temperature=0.8)
        assert rows.tolist() == expected.tolist()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="cache_length must be 2 or more, not 1"):
        DecodeLoop(LetterModel(), GRAMMAR, cache_length=1)
    with pytest.raises(ValueError, match="takes the features .'place', 'vowel'.*beat"):
        DecodeLoop(LetterModel(), ChoraleTokenizer().grammar)


@pytest.mark.parametrize(
    "options",
    [
        {"mixer": "relative_global", "max_distance": 10},
        {"mixer": "causal", "positions": "learned"},
        {"mixer": "causal", "positions": "sinusoidal"},
        {"mixer": ("voice_mean", "running_mean")},  # states, and rows of two kinds
    ],
    ids=str,
)
def test_a_decoder_generates_as_if_it_read_the_whole_window_each_time(
    options, monkeypatch
):
    """Incremental decoding = recomputation, in chunks and past the cache as well."""
    monkeypatch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
    tokenizer = ChoraleTokenizer()
    config = ModelConfig(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_length=24,
        features={"voice": 5, "beat": 17},
        **options,
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:  # large, so that attention decides
            variable.assign(rng.normal(0, 0.7, variable.shape))
    call = tf.function(model.call, reduce_retracing=True)

    def last_logits(inputs):
        inputs = {name: inputs[name] for name in ("tokens", "voice", "beat")}
        return call({k: tf.constant(x[None], tf.int32) for k, x in inputs.items()})[
            0, -1
        ].numpy()

    primes = [np.arange(10, 20), np.arange(40, 9, -1)]
    num_tokens = model.max_length * 3 // 2
    uniforms = random_uniforms(num_tokens, 2)
    loop = DecodeLoop(model, tokenizer.grammar, chunk=4)
    # Greedy; the penalty keeps an untrained model from one note for ever.
    settings = dict(temperature=0.0, repetition_penalty=2.0)
    rows = run_loop(loop, primes, uniforms, jit_compile=True, **settings)
    news = [
        naive_generate(
            last_logits, tokenizer.grammar, prime, uniforms[:, 0], 24, **settings
        )
        for prime in primes
    ]
    assert len(set(news[0])) > 5
    check(rows, primes, news)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_xla_copies_no_cache_in_a_step(jit_compile):
    """Written before it is read, a cache that a loop carries would be copied."""
    tokenizer = ChoraleTokenizer()
    model = MusicDecoder(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=48,
        max_length=64,
        mixer="relative_global",
    )
    loop = DecodeLoop(model, tokenizer.grammar, chunk=4, jit_compile=jit_compile)
    function = tf.function(lambda *arguments: loop(*arguments), jit_compile=True)
    ir = function.experimental_get_compiler_ir(
        tf.zeros([3, 0], tf.int32),
        tf.zeros([3], tf.int32),
        tf.zeros([19, 3]),
        tf.constant(19),
    )
    text = ir(stage="optimized_hlo")
    cache = r"f32\[3,2,19,16\]\S*"
    assert re.search(rf"= {cache} (fusion|dynamic-update-slice)\(", text)
    assert not re.findall(rf"= {cache} copy\(%(get-tuple-element|copy)", text)
