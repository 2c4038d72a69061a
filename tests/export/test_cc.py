"""The C++ program makes the runtime's music: the same tokens, the same .mid."""

import dataclasses
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import goldens
from tfmusic.config import ModelConfig
from tfmusic.export import runtime, tflite
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import MelodyTokenizer, PerformanceTokenizer, get_tokenizer

SOURCE = Path(__file__).parents[2] / "export" / "cc"
# The penalty keeps an untrained model from one note for ever.
GREEDY = {"temperature": 0.0, "repetition_penalty": 2.0}
SAMPLED = {
    "temperature": 0.9,
    "top_k": 20,
    "top_p": 0.95,
    "min_p": 0.01,
    "repetition_penalty": 1.2,
}
PRIME = list(range(10, 40))


def find_library():
    """The TensorFlow Lite C library: named by the environment, or a package's."""
    if named := os.environ.get("TFLITE_LIBRARY"):
        return named
    for package, path in (
        ("pymicro_wakeword", "lib/libtensorflowlite_c.so"),
        ("litert_lm", "liblitert-lm.so"),
    ):
        spec = importlib.util.find_spec(package)
        if spec and (found := Path(spec.origin).parent / path).exists():
            return str(found)
    return None


def find_what_is_missing():
    """What the build needs and is not here, or an empty string."""
    for tool in ("cmake", os.environ.get("CXX", "c++")):
        if not shutil.which(tool):
            return f"needs {tool}"
    if find_library() is None:
        return (
            "needs the TensorFlow Lite C library: pip install pymicro-wakeword, or "
            "name one with TFLITE_LIBRARY"
        )
    return ""


pytestmark = pytest.mark.skipif(
    bool(find_what_is_missing()), reason=find_what_is_missing()
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of the program, built from its sources without a warning."""
    library = find_library()
    folder = tmp_path_factory.mktemp("build")
    configure = ["cmake", f"-S{SOURCE}", f"-B{folder}", f"-DTFLITE_LIBRARY={library}"]
    result = subprocess.run(configure, capture_output=True, text=True)
    if "Could NOT find ZLIB" in result.stderr:
        pytest.skip("needs zlib's headers (Debian: zlib1g-dev)")
    assert result.returncode == 0, result.stderr
    build = ["cmake", "--build", folder, "--parallel", "2"]
    result = subprocess.run(build, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return folder / "tfmusic"


@pytest.fixture
def call(program, tmp_path):
    """call(*arguments): the finished process; `music.mid` is the output."""

    def call(*arguments, output=tmp_path / "music.mid"):
        command = [program, *arguments, f"--output={output}"]
        return subprocess.run(
            [str(part) for part in command], capture_output=True, text=True
        )

    return call


@pytest.fixture
def check_same(call, tmp_path):
    """check_same(path, ...): the .tflite's music is the runtime's."""

    def check_same(path, prime=(), num_tokens=60, seed=0, **sampling):
        music = runtime.load(path)
        (ids,) = music.generate([prime], num_tokens, seed, **sampling)
        notes, num_invalid = music.decode(ids)
        runtime.write_midi(notes, tmp_path / "expected.mid")

        flags = [f"--{name}={value}" for name, value in sampling.items()]
        if len(prime):
            flags.append(f"--prime_tokens={','.join(str(token) for token in prime)}")
        result = call(
            path, f"--tokens={num_tokens}", f"--seed={seed}", "--print_tokens", *flags
        )
        assert result.returncode == 0, result.stderr
        tokens, summary = result.stdout.splitlines()
        assert [int(token) for token in tokens.split()] == ids.tolist()
        counts = f"{len(notes)} notes from {len(ids)} tokens ({num_invalid} invalid)"
        assert counts in summary
        written = (tmp_path / "music.mid").read_bytes()
        assert written == (tmp_path / "expected.mid").read_bytes()
        return ids

    return check_same


def test_every_kind_of_model_past_its_cache(exported, check_same):
    check_same(exported, num_tokens=400, **GREEDY)
    check_same(exported, PRIME * 6, 200, **GREEDY)  # chunks, then tokens


def test_a_small_cache_is_filled_again_and_again(small_exported, check_same):
    assert len(set(check_same(small_exported, num_tokens=120, **GREEDY))) > 5
    check_same(small_exported, PRIME, 120, **GREEDY)


@pytest.mark.parametrize("seed", [0, 3, 2**40 + 5, 2**64 - 1])
def test_a_seed_gives_the_same_music(small_exported, check_same, seed):
    check_same(small_exported, num_tokens=100, seed=seed)
    check_same(small_exported, num_tokens=100, seed=seed, **SAMPLED)


@pytest.mark.parametrize("mixer", ["fourier_convolution", ("performer", "causal")])
def test_states_are_replaced(make, convert, check_same, mixer):
    num_layers = 1 if isinstance(mixer, str) else len(mixer)
    path = convert(make(mixer=mixer, num_layers=num_layers, max_length=24))
    assert "state" in runtime.load(path).about["cache"].values()
    check_same(path, num_tokens=80, **GREEDY)
    check_same(path, PRIME, 80, seed=5)


def test_int8_matrices(small, convert, check_same):
    path = convert(small, "dynamic_int8")
    check_same(path, num_tokens=40, **GREEDY)
    check_same(path, PRIME, 40, **GREEDY)


def test_a_file_without_prefill(small, tokenizer, tmp_path, check_same):
    path = tmp_path / "model.tflite"
    tflite.convert(small, tokenizer, path, "none", chunk=1)
    check_same(path, PRIME, 60, **GREEDY)


def test_integers_alone(small, tokenizer, tmp_path, call):
    rng = np.random.default_rng(0)
    pieces = rng.integers(10, 40, (60, 40))
    path = tmp_path / "model.tflite"
    tflite.convert(small, tokenizer, path, "int8", pieces)
    music = runtime.load(path)
    same = []
    for length, piece in zip(range(1, 41), pieces, strict=False):
        prime = piece[:length].tolist()
        (ids,) = music.generate([prime], 1, temperature=0.0)
        result = call(
            path,
            "--tokens=1",
            "--temperature=0",
            "--print_tokens",
            f"--prime_tokens={','.join(map(str, prime))}",
        )
        assert result.returncode == 0, result.stderr
        same.append(result.stdout.splitlines()[0].split() == [*map(str, ids)])
    # Integers tie often, and two libraries round them in their own ways.
    assert sum(same) >= 0.8 * len(same)


def convert_tiny(tokenizer, path):
    config = ModelConfig(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_length=16,
        features=tokenizer.features,
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    goldens.shake(model)
    tflite.convert(model, tokenizer, path, "none")


@pytest.mark.parametrize(
    "tokenizer",
    [
        MelodyTokenizer(),
        PerformanceTokenizer(),
        PerformanceTokenizer("keep", 31, steps_per_second=10),
    ],
    ids=["melody", "performance", "performance with a pedal"],
)
def test_other_tokenizers(tokenizer, tmp_path, check_same):
    path = tmp_path / "model.tflite"
    convert_tiny(tokenizer, path)
    check_same(path, num_tokens=60, **GREEDY)
    check_same(path, num_tokens=200, seed=4, temperature=1.5)
    # Any ids at all, many of them where the grammar would have none.
    rng = np.random.default_rng(0)
    for num_different in (3, 20, 400):
        few = rng.integers(3, tokenizer.vocabulary.size, num_different)
        check_same(path, rng.choice(few, 400).tolist(), num_tokens=0)


def test_any_ids_of_a_chorale(small_exported, check_same):
    rng = np.random.default_rng(0)
    for length in (1, 2, 3, 400):
        check_same(small_exported, rng.integers(3, 50, length).tolist(), num_tokens=0)


def test_a_tokenizer_without_a_decoder_is_named(tmp_path, call):
    convert_tiny(get_tokenizer("remi"), tmp_path / "model.tflite")
    check_refused(call(tmp_path / "model.tflite", "--tokens=5"), "remi")


def check_refused(result, reason):
    assert result.returncode == 2
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert not result.stdout


def test_refuses_in_one_line(small_exported, tmp_path, call):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" * 100)
    (tmp_path / "empty").write_bytes(b"")
    shutil.make_archive(tmp_path / "other", "zip", tmp_path, "picture.png")
    model = small_exported
    for arguments, reason in (
        ([], "name a .tflite file"),
        ([tmp_path / "none.tflite"], "No such file"),
        ([tmp_path], "directory"),
        ([tmp_path / "picture.png"], "not a .tflite file"),
        ([tmp_path / "empty"], "not a .tflite file"),
        ([tmp_path / "other.zip"], "not a .tflite file"),
        ([model, model], "one model"),
        ([model, "--top_p=0"], "top_p"),
        ([model, "--temperature=warm"], "warm"),
        ([model, "--seed=-1"], "--seed"),
        ([model, f"--seed={2**64}"], "too large"),
        ([model, "--tempo=1"], "--tempo"),
        ([model, "--prime_tokens=3,50"], "50"),
        ([model, "--tokens"], "needs a value"),
    ):
        check_refused(call(*arguments), reason)
    assert not (tmp_path / "music.mid").exists()


def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    small_exported, tmp_path, call
):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    for output in (tmp_path / "picture.png" / "x.mid", tmp_path):
        result = call(small_exported, "--tokens=5", output=output)
        check_refused(result, str(output))
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_a_missing_folder_is_made(small_exported, tmp_path, call):
    output = tmp_path / "new" / "music.mid"
    assert call(small_exported, "--tokens=5", output=output).returncode == 0
    assert [path.name for path in output.parent.iterdir()] == ["music.mid"]


def test_damage_is_refused_in_one_line(small_exported, tmp_path, call):
    content = small_exported.read_bytes()
    archive = content.index(b"PK\x03\x04")
    rng = np.random.default_rng(0)
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(archive) + content[archive:])  # no graph
    check_refused(call(path), "not a valid Flatbuffer")
    path.write_bytes(content[:archive])  # nothing else
    check_refused(call(path), "not a .tflite file")
    end = content.rindex(b"PK\x05\x06")  # what follows says where all else is
    for _ in range(20):
        damaged = bytearray(content)
        places = [rng.integers(archive, end, 20), rng.integers(end, len(content), 2)]
        for place in np.concatenate(places):
            damaged[place] ^= rng.integers(1, 256)
        path.write_bytes(damaged)
        check_refused(call(path, "--tokens=1"), str(path))


def test_help_names_every_flag(program):
    result = subprocess.run([program, "--help"], capture_output=True, text=True)
    assert result.returncode == 0
    for name in ("output", "tokens", "seed", *SAMPLED, "threads", "print_tokens"):
        assert f"--{name} " in result.stdout


def test_threads_change_nothing(small_exported, call):
    one, two = (
        call(small_exported, "--tokens=40", "--print_tokens", f"--threads={count}")
        for count in (1, 2)
    )
    assert one.returncode == two.returncode == 0
    assert one.stdout.splitlines()[0] == two.stdout.splitlines()[0]
