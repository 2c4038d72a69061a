import itertools
import json
import zipfile

import numpy as np
import pytest

from tfmusic import sampling
from tfmusic.export import runtime
from tfmusic.tokenizers import EOS, ChoraleTokenizer

TOKENIZER = ChoraleTokenizer()
PRIMES = [[20, 21, 22, 23, 24], [], list(range(10, 40))]
SETTINGS = {
    "temperature": 0.9,
    "top_k": 20,
    "top_p": 0.95,
    "min_p": 0.01,
    "repetition_penalty": 1.2,
}


def arrays(primes):
    return [np.array(prime, np.int32) for prime in primes]


@pytest.fixture(scope="module")
def music(small_exported):
    return runtime.load(small_exported)


@pytest.fixture(scope="module")
def endless(make, convert):
    """A model that never ends a piece."""
    model = make(max_length=16, max_distance=10)
    model.logits_dense.bias.assign(-1e4 * np.eye(50, dtype=np.float32)[EOS])
    return runtime.load(convert(model))


def check_same(model, music, primes, num_tokens, seed=0, **settings):
    generator = sampling.ModelGenerator(model, TOKENIZER, jit_compile=False)
    sampler = sampling.Sampler(**settings)
    expected = generator.generate(arrays(primes), num_tokens, sampler, seed)
    pieces = music.generate(primes, num_tokens, seed, **settings)
    assert [piece.dtype for piece in pieces] == [np.int32] * len(primes)
    assert [x.tolist() for x in pieces] == [x.tolist() for x in expected]


def test_greedy_music_is_the_models(model, exported):
    check_same(model, runtime.load(exported), PRIMES[:2], 200, temperature=0.0)


def test_greedy_music_is_the_models_far_past_the_cache(small, music):
    check_same(small, music, PRIMES, 60, temperature=0.0)


def test_sampled_music_is_the_models_far_past_the_cache(small, music):
    check_same(small, music, PRIMES, 40, seed=3)
    check_same(small, music, PRIMES, 40, seed=4, **SETTINGS)


def test_music_is_streamed_as_it_is_drawn(music):
    (piece,) = music.generate([[]], 12, temperature=0.0)
    stream = music.stream([], np.zeros(12, np.float32), runtime.Sampler(temperature=0))
    assert next(stream) == piece[0]
    assert music.graph.position == 1
    assert list(stream) == piece[1:].tolist()


@pytest.mark.parametrize("prime", PRIMES)
def test_the_notes_of_a_stream_are_those_of_the_ids(music, prime):
    (ids,) = music.generate([prime], 40, seed=3, **SETTINGS)
    notes, num_invalid = music.decode(ids)
    stream = music.stream_notes(prime, 40, seed=3, **SETTINGS)
    assert list(stream) == notes
    assert (stream.ids, stream.num_invalid) == (ids.tolist(), num_invalid)


def test_a_note_sounds_while_the_piece_is_written(small_exported, music):
    stream = runtime.generate(str(small_exported), num_tokens=40, temperature=0.0)
    first = next(stream)
    assert len(stream.ids) < 40
    (ids,) = music.generate([[]], 40, temperature=0.0)
    assert [first, *stream] == music.decode(ids)[0]


def test_a_stream_without_a_limit_goes_on(endless):
    pitches = [note.pitch for note in itertools.islice(endless.stream_notes(), 50)]
    (ids,) = endless.generate([[]], endless.graph.max_length * 10)
    assert pitches == [note.pitch for note in endless.decode(ids)[0][:50]]


def test_a_stream_stops_when_so_many_seconds_are_written(endless):
    prime = [20] * 4 * 8  # a second of a chord
    stream = endless.stream_notes(prime, seconds=1.5)
    notes = list(stream)
    assert len(stream.ids) == 4 * 8 * 2.5 and stream.seconds == 2.5
    assert all(note.end <= 2.5 for note in notes)
    whole = endless.stream_notes(prime, num_tokens=200)
    same = itertools.takewhile(lambda note: note.start < 2.5, whole)
    assert [(x.start, x.pitch) for x in same] == [(x.start, x.pitch) for x in notes]


def test_the_next_piece_takes_the_cache(music):
    stream = music.stream([], runtime.draw_uniforms(0), runtime.Sampler())
    next(stream)
    next(music.stream([20], runtime.draw_uniforms(0), runtime.Sampler()))
    with pytest.raises(RuntimeError, match="another piece"):
        next(stream)


def test_uniforms_are_drawn_one_by_one_as_together():
    for seed, piece in ((0, 0), (7, 2)):
        philox = np.random.Philox(seed).jumped(piece)
        expected = np.random.Generator(philox).random(101, np.float32)
        drawn = list(itertools.islice(runtime.draw_uniforms(seed, piece), 101))
        assert np.array_equal(expected, drawn)


def test_threads_change_nothing(small_exported, music):
    threaded = runtime.load(small_exported, num_threads=2)
    pieces = [x.generate([[]], 20, 3)[0].tolist() for x in (music, threaded)]
    assert pieces[0] == pieces[1]
    with pytest.raises(ValueError, match="num_threads"):
        runtime.load(small_exported, num_threads=0)


def test_what_is_wrong_is_said_before_the_first_note(music):
    for arguments, reason in (
        ({"prime": [20, 99]}, "id 99: ids are 3 to 49"),
        ({"prime": [EOS]}, "id 1"),
        ({"prime": [-1]}, "id -1"),
        ({"seconds": 0}, "above 0"),
        ({"seed": -1}, "non-negative"),
        ({"top_p": 2.0}, "top_p"),
    ):
        with pytest.raises(ValueError, match=reason):
            music.stream_notes(**arguments)


def test_a_model_of_another_kind_is_named(small_exported, tmp_path):
    texts = runtime.read_texts(small_exported)
    about = json.loads(texts["tfmusic.json"]) | {"kind": "infiller"}
    with zipfile.ZipFile(tmp_path / "model.tflite", "w") as archive:
        for name, text in {**texts, "tfmusic.json": json.dumps(about)}.items():
            archive.writestr(name, text)
    with pytest.raises(ValueError, match="kind 'infiller'"):
        runtime.load(tmp_path / "model.tflite")


def test_nothing_remains_of_the_piece_before(small_exported, music):
    music.generate([list(range(10, 40))], 20)
    fresh = runtime.load(small_exported)
    again, first = (x.generate([[]], 30, 7)[0].tolist() for x in (music, fresh))
    assert again == first


def test_how_the_cache_grows_changes_nothing(small_exported, monkeypatch):
    expected = runtime.load(small_exported).generate(PRIMES, 30, **SETTINGS)
    for rows in (1, 5):
        monkeypatch.setattr(runtime, "CACHE_GROWTH", rows)
        pieces = runtime.load(small_exported).generate(PRIMES, 30, **SETTINGS)
        assert [x.tolist() for x in pieces] == [x.tolist() for x in expected]


def test_a_model_that_is_sure_of_the_end_ends(make, convert):
    model = make(max_length=16, num_layers=1)
    model.logits_dense.bias.assign(1e4 * np.eye(50, dtype=np.float32)[EOS])
    model.logits_dense.bias.assign_add(1e3 * np.eye(50, dtype=np.float32)[30])
    music = runtime.load(convert(model))
    # The grammar lets a piece end after a whole step of four voices.
    assert music.generate([[], [20]], 20)[0].tolist() == [30, 30, 30, 30]
    assert music.generate([[20]], 20)[0].tolist() == [20, 30, 30, 30]


def test_only_what_the_grammar_allows_is_drawn(music):
    for piece in music.generate([[]] * 3, 30, temperature=5.0):
        states = TOKENIZER.grammar.states(piece)
        assert TOKENIZER.grammar.allowed[states[:-1], piece].all()


def test_a_file_is_read_from_a_path_and_from_bytes(small_exported, music):
    path = runtime.load(str(small_exported))
    content = runtime.load(small_exported.read_bytes())
    for loaded in (path, content):
        assert loaded.tokenizer_json == music.tokenizer_json == TOKENIZER.to_json()
        assert json.loads(loaded.config_json)["max_length"] == 16
        assert (
            loaded.generate([[]], 9)[0].tolist() == music.generate([[]], 9)[0].tolist()
        )


def test_the_grammar_is_the_tokenizers(music):
    grammar = TOKENIZER.grammar
    states, ids = np.indices(grammar.allowed.shape)
    assert np.array_equal(music.grammar.allowed, grammar.allowed)
    assert np.array_equal(music.grammar.next_state, grammar.advance(states, ids))
    tables = grammar.to_dict()
    features = runtime.Grammar(tables, list(TOKENIZER.features)).inputs(states, ids)
    for name, expected in grammar.features(states, ids).items():
        assert np.array_equal(features[name], expected)
    assert np.array_equal(features["tokens"], ids)
