import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfmusic import sampling
from tfmusic.export import runtime
from tfmusic.music import read_sequence
from tfmusic.music.note_arrays import add_notes, note_arrays
from tfmusic.sampling import samplers
from tfmusic.tokenizers import (
    EOS,
    ChoraleTokenizer,
    MelodyTokenizer,
    PerformanceTokenizer,
)
from tfmusic.tokenizers.sustain import apply_sustain, read_pedal

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


logits = st.lists(
    st.one_of(
        st.floats(-5, 5, width=16),
        st.sampled_from([0.0, 1.0, 1e4, -1e4, runtime.MASKED]),
    ),
    min_size=2,
    max_size=12,
)


@given(
    logits=logits,
    uniform=st.floats(0, 1, exclude_max=True, width=32),
    temperature=st.sampled_from([0.0, 1e-9, 1e-3, 0.7, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 3, 100]),
    top_p=st.sampled_from([1e-6, 0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.1, 1.0]),
)
@example([1.0, 2.0, 2.0, 2.0], 0.0, 1.0, 0, 1.0, 0.0)  # ties: the lowest id first
@example([1.0, 2.0, 2.0, 2.0], 0.99999994, 1.0, 0, 1.0, 1.0)
@example([2.0, 1e4, 1e4], 0.5, 1e-3, 0, 1.0, 0.0)
@example([runtime.MASKED, 0.0], 0.99999994, 1e-9, 0, 1.0, 0.0)
def test_a_draw_is_the_samplers(logits, uniform, temperature, top_k, top_p, min_p):
    logits = np.array(logits, np.float32)
    uniform = np.float32(uniform)
    settings = (temperature, top_k, top_p, min_p)
    drawn = runtime.sample(logits, uniform, runtime.Sampler(*settings))
    expected = samplers.sample(logits[None], uniform[None], *settings)
    if drawn != int(expected[0]):
        # Two libraries' exponentials may differ by a rounding; then a uniform that
        # lies on the border of two ids is drawn as either.
        around = np.clip(uniform + np.float32([-1e-6, 1e-6]), 0, np.float32(0.9999999))
        near = [samplers.sample(logits[None], u[None], *settings) for u in around]
        assert drawn in [int(ids[0]) for ids in near]


@given(logits=logits, penalty=st.sampled_from([0.5, 1.0, 1.3]), data=st.data())
def test_the_repetition_penalty_is_the_samplers(logits, penalty, data):
    size = len(logits)
    seen = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    logits = np.array(logits, np.float32)
    np.testing.assert_array_equal(
        runtime.penalize_repetition(logits, seen, penalty),
        samplers.penalize_repetition(logits, seen, np.float32(penalty)),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
    ],
)
def test_wrong_settings_are_named_as_the_sampler_names_them(settings):
    (name,) = settings
    for sampler in (runtime.Sampler, samplers.Sampler):
        with pytest.raises(ValueError, match=name):
            sampler(**settings)
    assert runtime.Sampler() == runtime.Sampler(**vars(samplers.Sampler()))


def as_notes(sequence):
    notes = [
        (note.instrument, note.start_time, note.end_time, note.pitch)
        + (note.velocity, note.program)
        for note in sequence.notes
    ]
    return sorted(notes)


def as_tuples(notes):
    return sorted(
        (note.track, note.start, note.end, note.pitch, note.velocity, note.program)
        for note in notes
    )


ids = st.lists(st.integers(-2, 55), max_size=60)


@given(ids)
def test_ids_become_the_tokenizers_notes(ids):
    expected, num_invalid = TOKENIZER.decode(np.array(ids, np.int32))
    notes, invalid = runtime.decode_chorale(ids, json.loads(TOKENIZER.to_json()))
    assert as_tuples(notes) == as_notes(expected)
    assert invalid == num_invalid


performance_ids = st.lists(
    st.one_of(
        st.sampled_from([63, 64, 191, 192, 191, 192]),  # two keys, struck and released
        st.sampled_from([259, 261, 358, 391, 392]),  # time, and the pedal
        st.integers(-2, 400),
    ),
    max_size=60,
)


@given(
    performance_ids,
    st.sampled_from(["apply", "keep"]),
    st.sampled_from([0, 31, 32]),
    st.sampled_from([10, 100]),
)
def test_ids_of_a_performance_become_the_tokenizers_notes(ids, sustain, bins, steps):
    tokenizer = PerformanceTokenizer(sustain, bins, steps_per_second=steps)
    expected, num_invalid = tokenizer.decode(ids)
    sounding = apply_sustain(note_arrays(expected), read_pedal(expected))
    del expected.notes[:]
    add_notes(expected, sounding)  # which have no pedal, in the runtime
    notes, invalid = runtime.decode_performance(ids, json.loads(tokenizer.to_json()))
    assert as_tuples(notes) == as_notes(expected)
    assert invalid == num_invalid


@given(st.lists(st.integers(-2, 70) | st.sampled_from([3, 3, 4]), max_size=60))
def test_ids_of_a_melody_become_the_tokenizers_notes(ids):
    tokenizer = MelodyTokenizer()
    expected, num_invalid = tokenizer.decode(ids)
    notes, invalid = runtime.decode_melody(ids, json.loads(tokenizer.to_json()))
    assert as_tuples(notes) == as_notes(expected)
    assert invalid == num_invalid


def test_a_midi_file_reads_as_the_tokenizers_notes(tmp_path):
    rng = np.random.default_rng(0)
    ids = np.repeat(rng.integers(4, 50, (40, 4)), rng.integers(1, 9, 40), axis=0)
    expected, _ = TOKENIZER.decode(ids.reshape(-1))
    notes, _ = runtime.decode_chorale(ids.reshape(-1), json.loads(TOKENIZER.to_json()))
    runtime.write_midi(notes, tmp_path / "new" / "music.mid")
    sequence = read_sequence(tmp_path / "new" / "music.mid")
    assert len(sequence.notes) > 100
    read, written = as_notes(sequence), as_notes(expected)
    assert [x[:1] + x[3:] for x in read] == [x[:1] + x[3:] for x in written]
    np.testing.assert_allclose(
        [x[1:3] for x in read], [x[1:3] for x in written], atol=1e-9
    )
    assert [tempo.qpm for tempo in sequence.tempos] == [120.0]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["music.mid"]


def test_many_tracks_leave_the_drums_channel_alone(tmp_path):
    notes = [runtime.Note(0, 1, 40 + i, program=i, track=i) for i in range(12)]
    runtime.write_midi(notes, tmp_path / "music.mid")
    sequence = read_sequence(tmp_path / "music.mid")
    assert sorted(note.pitch for note in sequence.notes) == list(range(40, 52))
    assert not any(note.is_drum for note in sequence.notes)


def test_no_notes_are_a_file_too(tmp_path):
    runtime.write_midi([], tmp_path / "music.mid")
    assert not read_sequence(tmp_path / "music.mid").notes


def test_lengths_are_written_as_the_midi_standard_shows():
    for value, digits in (
        (0, "00"),
        (0x40, "40"),
        (0x7F, "7f"),
        (0x80, "8100"),
        (0x2000, "c000"),
        (0x3FFF, "ff7f"),
        (0x100000, "c08000"),
        (0x0FFFFFFF, "ffffff7f"),
    ):
        assert runtime._variable_length(value).hex() == digits


BLOCKED = """
import runpy, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "note_seq", "tfmusic", "absl"):
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Block())
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_single_file_makes_the_same_music_alone(small_exported, music, tmp_path):
    shutil.copy(runtime.__file__, tmp_path / "runtime.py")
    shutil.copy(small_exported, tmp_path / "model.tflite")
    options = ["--output=music.mid", "--tokens=40", "--seed=3", "--top_p=0.9"]
    command = ["runtime.py", "model.tflite", *options]
    result = subprocess.run(
        [sys.executable, "-c", BLOCKED, *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("music.mid: ")
    (ids,) = music.generate([[]], 40, 3, top_p=0.9)
    expected, _ = TOKENIZER.decode(ids)
    sequence = read_sequence(tmp_path / "music.mid")
    assert [x[1:4] for x in as_notes(sequence)] == [x[1:4] for x in as_notes(expected)]


def test_the_command_refuses_in_one_line(small_exported, tmp_path, capsys):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    shutil.make_archive(tmp_path / "other", "zip", tmp_path, "picture.png")
    output = f"--output={tmp_path / 'music.mid'}"
    model = str(small_exported)
    for arguments, reason in (
        ([str(tmp_path / "none.tflite"), output], "No such file"),
        ([str(tmp_path), output], "directory"),
        ([str(tmp_path / "picture.png"), output], "not a .tflite file"),
        ([str(tmp_path / "other.zip"), output], "not a .tflite file"),
        ([model, output, "--top_p=0"], "top_p"),
        ([model, output, "--seed=-1"], "non-negative"),
        ([model, f"--output={tmp_path / 'picture.png' / 'x.mid'}"], "picture.png"),
    ):
        assert runtime.main(arguments) == 2
        error = capsys.readouterr().err
        assert reason in error and error.count("\n") == 1, error
    assert not (tmp_path / "music.mid").exists()
