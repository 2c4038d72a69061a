"""Makes music from a .tflite file, with numpy and ai-edge-litert alone.

This file needs nothing else of its package: copy it to a device and run

    python runtime.py model.tflite --output=music.mid

or use it from Python, where music can sound while it is written:

    for note in runtime.generate("model.tflite", temperature=0.9, seed=1):
        play(note.start, note.end, note.pitch, note.velocity)

or keep a model for many pieces:

    model = runtime.load("model.tflite")
    notes = list(model.stream_notes(num_tokens=512, top_p=0.95))
    runtime.write_midi(notes, "music.mid")

An infiller's file fills gaps in four voices, or makes all of a piece: see
`MusicInfiller`.

Where logits agree, a seed gives the same music as `tfmusic.generate` does. Axis
letters: `S` grammar states, `V` ids, `T` tokens, `M` cache rows, `H` size of a row.
"""

import argparse
import bisect
import dataclasses
import io
import itertools
import json
import os
import struct
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PAD, EOS, BOS = 0, 1, 2
NUM_SPECIAL = 3
MASKED = -1e30  # a logit that is never drawn
CACHE_GROWTH = 128  # rows by which the cache becomes longer: short ones are faster
TICKS_PER_SECOND = 440  # of the MIDI files
DEFAULT_TOKENS = 512  # of the command line
MOST_TOKENS = 65_536  # of the command line, where a model lets no time pass
NUM_VOICES = 4  # of a chorale: soprano, alto, tenor, bass
CELLS_PER_BAR = 16 * NUM_VOICES
DEFAULT_BARS = 8  # of the command line
METHODS = ("gibbs", "ancestral")  # of filling gaps
GIBBS_STEPS = 128


def generate(
    source: str | os.PathLike | bytes,
    prime: Sequence[int] = (),
    num_threads: int | None = None,
    **options: float | None,
) -> "NoteStream":
    """The notes of a new piece, each as soon as it is known.

    Args:
        source, num_threads: see `load`.
        prime, **options: see `MusicModel.stream_notes`.

    Raises:
        ValueError, OSError: see `load` and `MusicModel.stream_notes`.
    """
    return load(source, num_threads).stream_notes(prime, **options)


def load(
    source: str | os.PathLike | bytes, num_threads: int | None = None
) -> "MusicModel":
    """Reads a model that `python -m tfmusic.export` wrote.

    Args:
        source: a path, or the file's content.
        num_threads: 1 or more, of the interpreter; by default its own choice.

    Raises:
        ValueError: it is not such a file, or not of a model that goes on from token
            to token.
        OSError: it can't be read.
    """
    return _load(source, num_threads, ["decoder"])


def load_infiller(
    source: str | os.PathLike | bytes, num_threads: int | None = None
) -> "MusicInfiller":
    """Reads an infiller that `python -m tfmusic.export` wrote.

    Args:
        source, num_threads: see `load`.

    Raises:
        ValueError: it is not such a file, or not of a model that fills gaps.
        OSError: it can't be read.
    """
    return _load(source, num_threads, ["infiller"])


def _load(source, num_threads, kinds):
    texts = read_texts(source)
    about = json.loads(texts["tfmusic.json"])
    kind = about.get("kind", "decoder")
    if kind not in kinds:
        raise ValueError(f"a model of the kind {kind!r}, not {' or '.join(kinds)}")
    if isinstance(source, bytes):
        content = {"model_content": source}
    else:
        content = {"model_path": os.fspath(source)}
    interpreter = Interpreter(**content, num_threads=num_threads)
    model = {"decoder": MusicModel, "infiller": MusicInfiller}[kind]
    return model(interpreter, about, texts["tokenizer.json"], texts["config.json"])


def read_texts(source: str | os.PathLike | bytes) -> dict[str, str]:
    """The texts in a .tflite, by name; see `load` for what it raises.

    `tfmusic.json`, `tokenizer.json` and `config.json` are always there.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with zipfile.ZipFile(file) as archive:
            texts = {name: archive.read(name).decode() for name in archive.namelist()}
    except (zipfile.BadZipFile, UnicodeDecodeError):
        texts = {}
    if not texts.keys() >= {"tfmusic.json", "tokenizer.json", "config.json"}:
        raise ValueError("not a .tflite file that tfmusic.export wrote")
    return texts


@dataclass(frozen=True)
class Note:
    """A note: times in seconds, MIDI's numbers, and the track it belongs to."""

    start: float
    end: float
    pitch: int
    velocity: int = 80
    program: int = 0
    track: int = 0
    is_drum: bool = False


class MusicModel:
    """A model in a .tflite file, with its tokenizer's tables.

    Attributes:
        about: what the export noted: version, quantization, tokenizer and its hash.
        tokenizer_json: the tokenizer's JSON text.
        config_json: the model's config as JSON text.
        graph: the `CachedGraph`.
        grammar: the tokenizer's `Grammar`.
    """

    def __init__(self, interpreter, about: dict, tokenizer_json: str, config_json: str):
        self.about = about
        self.tokenizer_json = tokenizer_json
        self.config_json = config_json
        self.graph = CachedGraph(
            interpreter, about["chunk"], about["max_length"], about["cache"]
        )
        self._tokenizer = json.loads(tokenizer_json)
        self._turn = None  # the piece that has the cache
        self.grammar = Grammar(self._tokenizer["grammar"], about["features"])

    def generate(
        self,
        primes: Sequence[Sequence[int]],
        num_tokens: int,
        seed: int = 0,
        **sampling: float,
    ) -> list[np.ndarray]:
        """Continues each prime until the model ends the piece, or `num_tokens`.

        Args:
            primes: ids without BOS, for each piece; empty ones start from nothing.
            num_tokens: most new tokens for each.
            seed: 0 or more; the same seed gives the same music.
            **sampling: temperature, top_k, top_p, min_p, repetition_penalty, see
                `Sampler`.

        Returns:
            For each piece int32 `[T]`, the prime and its continuation, without BOS
            and EOS.

        Raises:
            ValueError: a setting is outside its range, or a prime has an id that is
                none of the tokenizer's events.
        """
        sampler = Sampler(**sampling)
        pieces = []
        for index, prime in enumerate(primes):
            uniforms = itertools.islice(draw_uniforms(seed, index), num_tokens)
            new = list(self.stream(prime, uniforms, sampler))
            pieces.append(np.array([*prime, *new], np.int32))
        return pieces

    def stream_notes(
        self,
        prime: Sequence[int] = (),
        num_tokens: int | None = None,
        seconds: float | None = None,
        seed: int = 0,
        **sampling: float,
    ) -> "NoteStream":
        """The notes of a piece, each as soon as it is known, those of the prime first.

        A token is drawn when a note is asked for: who plays sets the pace. A model has
        one cache, so the next piece that it begins is the end of this one.

        Args:
            prime: ids without BOS; an empty one starts from nothing.
            num_tokens: most new tokens; None goes on until the model ends the piece.
            seconds: most seconds of new music; notes end there.
            seed: 0 or more; the tokens are those of `generate` for one piece.
            **sampling: see `Sampler`.

        Raises:
            ValueError: see `generate`.
        """
        uniforms = itertools.islice(draw_uniforms(seed), num_tokens)
        new = self.stream(prime, uniforms, Sampler(**sampling))
        return NoteStream(new, self._tokenizer, prime, seconds)

    def stream(
        self, prime: Sequence[int], uniforms: Iterable[float], sampler: "Sampler"
    ) -> Iterator[int]:
        """The ids after a prime, each as soon as it is drawn.

        When the cache is full, its oldest half is dropped and the newest is consumed
        again, so music goes on past any length.

        Args:
            prime: ids without BOS.
            uniforms: in [0, 1), one for each new token at most.
            sampler: how they are drawn.

        Raises:
            ValueError: an id of the prime is none of the tokenizer's events.
        """
        size = self.grammar.allowed.shape[1]
        for token in prime:
            if not NUM_SPECIAL <= token < size:
                raise ValueError(
                    f"the prime has the id {token}: ids are {NUM_SPECIAL} to {size - 1}"
                )
        return self._stream([int(token) for token in prime], uniforms, sampler)

    def _stream(self, prime, uniforms, sampler):
        turn = self._turn = object()
        tokens = [BOS, *prime]
        states = [0]
        for token in prime:
            states.append(self.grammar.next_state[states[-1], token])
        seen = np.zeros(self.grammar.allowed.shape[1], bool)
        seen[prime] = True
        max_length, chunk = self.graph.max_length, self.graph.chunk
        start = consumed = 0
        self.graph.reset()
        self.graph.reserve(len(tokens))
        for uniform in uniforms:
            if turn is not self._turn:
                raise RuntimeError("another piece has the cache: load a second model")
            while len(tokens) - start > max_length:
                start += max_length - max_length // 2
                consumed = start
                self.graph.reset()
            while consumed < len(tokens):
                count = chunk if consumed + chunk < len(tokens) else 1
                span = slice(consumed, consumed + count)
                inputs = self.grammar.inputs(states[span], tokens[span])
                logits = self.graph.extend(inputs)[-1]
                consumed += count
            logits = penalize_repetition(logits, seen, sampler.repetition_penalty)
            logits = np.where(self.grammar.allowed[states[-1]], logits, MASKED)
            token = sample(logits, uniform, sampler)
            if token == EOS:
                return
            yield token
            tokens.append(token)
            states.append(self.grammar.next_state[states[-1], token])
            seen[token] = True

    def decode(self, ids: Sequence[int]) -> tuple[list[Note], int]:
        """The notes of ids, and the number of invalid ids, which were skipped."""
        return decode(ids, self._tokenizer)


class MusicInfiller:
    """A model in a .tflite file that fills gaps in music of four voices.

    Music is a grid here, read cell by cell: soprano, alto, tenor and bass of each
    16th, an id each. So `C` cells are `C / 4` steps, and 64 cells a bar. The rules are
    those of `tfmusic.sampling.Infiller`, and so is the music of a seed.

    Attributes:
        about, tokenizer_json, config_json, grammar: see `MusicModel`.
        length: cells of the windows that the model sees.
    """

    def __init__(self, interpreter, about: dict, tokenizer_json: str, config_json: str):
        self.about = about
        self.tokenizer_json = tokenizer_json
        self.config_json = config_json
        self.length = about["max_length"]
        self._tokenizer = json.loads(tokenizer_json)
        self.grammar = Grammar(self._tokenizer["grammar"], about["features"])
        self._interpreter = interpreter
        # A runner must not outlive these lines, see `CachedGraph`.
        runner = interpreter.get_signature_runner("infill")
        inputs = runner.get_input_details()
        self._inputs = {name: details["index"] for name, details in inputs.items()}
        self._logits = runner.get_output_details()["logits"]
        del runner
        interpreter.allocate_tensors()

    def compose(self, num_bars: int, seed: int = 0, **options) -> np.ndarray:
        """A whole piece of nothing: see `fill`, also for the options.

        Returns:
            int32 `[64 * num_bars]`, ids.
        """
        num_cells = num_bars * CELLS_PER_BAR
        ids, unknown = np.zeros(num_cells, np.int32), np.ones(num_cells, bool)
        return self.fill(ids, unknown, seed, **options)

    def fill(
        self,
        ids: Sequence[int],
        unknown: Sequence[bool],
        seed: int = 0,
        number: int = 0,
        method: str = "gibbs",
        num_steps: int = GIBBS_STEPS,
        progress: Callable[[int, int], None] = lambda done, total: None,
        **sampling: float,
    ) -> np.ndarray:
        """Fills the unknown cells of a piece; what is known stays as it is.

        Args:
            ids: `[C]`, a piece's, of whole steps.
            unknown: `[C]`, the cells to fill; what `ids` has there is ignored.
            seed: 0 or more; the same seed gives the same music.
            number: of the piece, where several are wanted of a seed.
            method: "gibbs" draws all unknown cells at once, then again and again a
                part of them, which shrinks; "ancestral" draws one after the other.
            num_steps: of Gibbs sampling.
            progress: called with the steps done, and with how many there are.
            **sampling: see `Sampler`; repetition is not penalized.

        Returns:
            int32 `[C]`.

        Raises:
            ValueError: a setting is outside its range, the piece is not one of whole
                steps, or a known id is none of the tokenizer's events.
        """
        sampler = Sampler(**sampling)
        if method not in METHODS:
            raise ValueError(f"method {method!r}: expected one of {METHODS}")
        if num_steps < 1:
            raise ValueError(f"num_steps must be 1 or more, not {num_steps}")
        unknown = np.asarray(unknown, bool)
        ids = np.where(unknown, PAD, ids).astype(np.int32)
        self._check(ids[~unknown], len(ids))
        states = self._states(len(ids))
        rng = np.random.Generator(np.random.Philox(seed).jumped(number))
        cells = np.flatnonzero(unknown)  # [U]
        if method == "ancestral":
            for done, cell in enumerate(rng.permutation(cells)[:, np.newaxis]):
                uniforms = rng.random(1, np.float32)
                ids[cell] = self._draw(ids, states, cell, uniforms, sampler)
                progress(done + 1, len(cells))
            return ids
        for step in range(num_steps if len(cells) else 0):
            chance = masking_probability(step, num_steps) if step else 1.0
            drawn = rng.random(len(cells)) < chance
            uniforms = rng.random(len(cells), np.float32)[drawn]
            ids[cells[drawn]] = PAD
            ids[cells[drawn]] = self._draw(ids, states, cells[drawn], uniforms, sampler)
            progress(step + 1, num_steps)
        return ids

    def logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """float32 `[T, V]` of a window's tokens and features, `[1, T]` each."""
        for name, index in self._inputs.items():
            self._interpreter.set_tensor(index, inputs[name].astype(np.int32))
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._logits["index"])
        return _to_float(logits[0], self._logits)

    def decode(self, ids: Sequence[int]) -> tuple[list[Note], int]:
        """The notes of ids, and the number of invalid ids, which were skipped."""
        return decode(ids, self._tokenizer)

    def _check(self, known, num_cells):
        if num_cells % NUM_VOICES:
            raise ValueError(f"{num_cells} cells are not whole steps of {NUM_VOICES}")
        size = self.grammar.allowed.shape[1]
        for token in known:
            if not NUM_SPECIAL <= token < size:
                raise ValueError(
                    f"the piece has the id {token}: ids are {NUM_SPECIAL} to {size - 1}"
                )

    def _states(self, num_cells):
        """The grammar's state after each cell: any music's id leads to the same."""
        states = [0]
        for _ in range(num_cells):
            states.append(self.grammar.next_state[states[-1], NUM_SPECIAL])
        return np.array(states[1:], np.int64)

    def _draw(self, ids, states, cells, uniforms, sampler):
        """Ids for some cells, each on its own, given all that are known.

        Windows overlap by half, the last one ends with the piece; a cell is drawn from
        the one in whose middle it is nearest.
        """
        half = self.length // (2 * NUM_VOICES) * NUM_VOICES or NUM_VOICES
        last = max(len(ids) - self.length, 0)
        before = self.length // 2 // NUM_VOICES
        wanted = np.clip((cells // NUM_VOICES - before) * NUM_VOICES, 0, last)
        windows = np.array([*range(0, last, half), last])  # [W]
        nearest = np.abs(wanted[:, np.newaxis] - windows).argmin(axis=1)
        starts = windows[nearest]
        drawn = np.zeros(len(cells), np.int32)
        for start in np.unique(starts):
            window = slice(start, start + self.length)
            logits = self.logits(self._window(ids[window], states[window]))
            logits[:, :NUM_SPECIAL] = MASKED
            for place in np.flatnonzero(starts == start):
                row = logits[cells[place] - start]
                drawn[place] = sample(row, uniforms[place], sampler)
        return drawn

    def _window(self, ids, states):
        """The inputs of a window; past the end of the piece PAD and features of 0."""
        missing = self.length - len(ids)
        inputs = self.grammar.inputs(states, ids)
        return {
            name: np.pad(values, (0, missing))[np.newaxis]
            for name, values in inputs.items()
        }


def masking_probability(step: int, num_steps: int) -> float:
    """The chance of each cell to be drawn anew, see `tfmusic.sampling.infiller`."""
    return max(0.1, 0.9 - (0.9 - 0.1) * step / (0.7 * num_steps))


class Grammar:
    """The tokenizer's automaton: which ids may come next, and what they are.

    Args:
        tables: the tokenizer's `grammar`.
        feature_names: the features that the model takes.

    Attributes:
        allowed: bool `[S, V]`, the ids that may come next in each state.
        next_state: int `[S, V]`; an id that may not stand there keeps the state.
    """

    def __init__(self, tables: dict, feature_names: Sequence[str]):
        next_state = np.array(tables["next_state"])[:, tables["classes"]]  # [S, V]
        self.allowed = next_state >= 0
        stay = np.arange(len(next_state))[:, np.newaxis]
        self.next_state = np.where(self.allowed, next_state, stay)
        self._by_state = {}
        self._by_token = {}
        for name in feature_names:
            if name in tables["state_features"]:
                self._by_state[name] = np.array(tables["state_features"][name])
            else:
                self._by_token[name] = np.array(tables["token_features"][name])

    def inputs(self, states, tokens) -> dict[str, np.ndarray]:
        """The model's inputs `[T]`, given the tokens and the states after them."""
        by_state = {name: table[states] for name, table in self._by_state.items()}
        by_token = {name: table[tokens] for name, table in self._by_token.items()}
        return {"tokens": np.array(tokens), **by_state, **by_token}


class CachedGraph:
    """The graph and the cache of one piece, which lies in the graph's own input.

    A new token's rows are written in place: nothing is copied but states, which each
    step replaces, all when the cache becomes longer, and once for each chunk of a
    prime. In integer files the cache is of integers too; they are scaled here.

    Args:
        interpreter: of the graph.
        chunk: tokens that `prefill` takes; 1 where there is none.
        max_length: most tokens in the cache.
        kinds: what the cache's tensors are: "rows", `[.., M, H]`, which grow by a row
            with each token, or "state", which is zeros at first.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        chunk: int,
        max_length: int,
        kinds: dict[str, str],
    ):
        self.chunk = chunk
        self.max_length = max_length
        self.position = 0  # tokens in the cache
        self._interpreter = interpreter
        # `decode` is the main subgraph. A runner must not outlive these lines: while
        # there is one, the interpreter lets nobody touch its tensors.
        runner = interpreter.get_signature_runner("decode")
        self._inputs = runner.get_input_details()
        self._outputs = runner.get_output_details()
        del runner
        self._kinds = {f"cache_{name}": kind for name, kind in kinds.items()}
        # Functions that give a view of a tensor's memory.
        self._cache = {
            name: interpreter.tensor(self._inputs[name]["index"])
            for name in self._kinds
        }
        self._updates = {
            name: interpreter.tensor(details["index"])
            for name, details in self._outputs.items()
        }
        self._num_rows = 0  # none before the first token

    def reset(self) -> None:
        """Forgets the piece."""
        self.position = 0
        for name, kind in self._kinds.items():
            if self._num_rows and kind == "state":
                self._cache[name]().fill(_zero(self._inputs[name]))

    def reserve(self, num_rows: int) -> None:
        """Makes the cache long enough for so many tokens, at most `max_length`.

        It grows by itself. Growing takes memory for the old and the new one at once,
        which whoever reserves all at the beginning saves; but steps of a short cache
        are quicker.
        """
        if min(num_rows, self.max_length) <= self._num_rows:
            return
        num_rows = -(num_rows // -CACHE_GROWTH) * CACHE_GROWTH
        if "rows" not in self._kinds.values():  # then nothing ever grows
            num_rows = self.max_length
        num_rows = min(num_rows, self.max_length)
        old = {}
        if self.position:
            old = {name: tensor().copy() for name, tensor in self._cache.items()}
        for name, kind in self._kinds.items():
            if kind == "rows":
                *outer, _, size = self._inputs[name]["shape"]
                shape = [*outer, num_rows, size]  # [.., M, H]
                index = self._inputs[name]["index"]
                self._interpreter.resize_tensor_input(index, shape)
        self._interpreter.allocate_tensors()
        for name, tensor in self._cache.items():
            # A weight of zero would not hide a NaN in rows that are not filled yet.
            tensor().fill(_zero(self._inputs[name]))
            if old and self._kinds[name] == "rows":
                tensor()[..., : self._num_rows, :] = old.pop(name)
            elif old:
                tensor()[...] = old.pop(name)
        self._num_rows = num_rows

    def extend(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Consumes the next tokens.

        Args:
            inputs: int `[T]`: the tokens and their features, T being 1 or `chunk`.

        Returns:
            float32 `[T, V]`, the logits after each of them.
        """
        count = len(inputs["tokens"])
        self.reserve(self.position + count)
        arrays = {name: np.array([value], np.int32) for name, value in inputs.items()}
        arrays["position"] = np.array(self.position, np.int32)
        if count == 1:
            details = self._outputs
            for name, array in arrays.items():
                self._interpreter.set_tensor(self._inputs[name]["index"], array)
            self._interpreter.invoke()
            updates = {name: tensor() for name, tensor in self._updates.items()}
        else:
            runner = self._interpreter.get_signature_runner("prefill")
            details, inputs = runner.get_output_details(), runner.get_input_details()
            for name, tensor in self._cache.items():
                arrays[name] = _rescale(tensor(), self._inputs[name], inputs[name])
            updates = runner(**arrays)
        rows = slice(self.position, self.position + count)
        for name, tensor in self._cache.items():
            update = name.replace("cache", "update")
            values = _rescale(updates[update], details[update], self._inputs[name])
            if self._kinds[name] == "rows":
                tensor()[..., rows, :] = values  # [.., T, H]
            else:
                tensor()[...] = values
        self.position += count
        return _to_float(updates["logits"][0], details["logits"])


def _zero(details: dict):
    """What stands for zero in a tensor: of integers, its zero point."""
    return details["quantization"][1]


def _to_float(values: np.ndarray, details: dict) -> np.ndarray:
    """A copy of a tensor's values in float32."""
    scale, zero = details["quantization"]
    if values.dtype == np.float32:
        return values.copy()
    return (values.astype(np.float32) - zero) * np.float32(scale)


def _rescale(values: np.ndarray, source: dict, target: dict) -> np.ndarray:
    """One tensor's values as another one holds them, where both are integers."""
    if values.dtype == np.float32 or source["quantization"] == target["quantization"]:
        return values
    scale, zero = target["quantization"]
    steps = np.round(_to_float(values, source) / np.float32(scale)) + zero
    return np.clip(steps, -128, 127).astype(values.dtype)


@dataclass(frozen=True)
class Sampler:
    """How tokens are drawn, see `tfmusic.Sampler`; the defaults change nothing.

    Raises:
        ValueError: a setting is outside its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        for name, fits, range_ in (
            ("temperature", 0 <= self.temperature < np.inf, "0 or more"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "in (0, 1]"),
            ("min_p", 0 <= self.min_p <= 1, "in [0, 1]"),
            ("repetition_penalty", 0 < self.repetition_penalty < np.inf, "above 0"),
        ):
            if not fits:
                raise ValueError(f"{name} must be {range_}, not {getattr(self, name)}")


def sample(logits: np.ndarray, uniform: float, sampler: Sampler) -> int:
    """Draws a token by the rule of `tfmusic.sampling.samplers`, in float32.

    Args:
        logits: `[V]`.
        uniform: in [0, 1).
        sampler: its settings, but for the repetition penalty.
    """
    temperature = np.float32(sampler.temperature)
    if temperature == 0:
        return int(np.argmax(logits))
    logits = logits.astype(np.float32)
    ids = np.argsort(-logits, kind="stable")
    with np.errstate(over="ignore"):  # to minus infinity, whose mass is zero
        logits = (logits[ids] - logits[ids[0]]) / temperature
    masses = np.exp(logits)
    probabilities = masses / masses.sum()
    cumulative = np.cumsum(probabilities)
    keep = probabilities > 0
    if sampler.top_k:
        keep[sampler.top_k :] = False
    if sampler.top_p < 1:
        keep &= cumulative - probabilities < np.float32(sampler.top_p)
    keep &= probabilities >= np.float32(sampler.min_p) * probabilities[0]
    cumulative = cumulative[keep]
    drawn = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return int(ids[min(drawn, len(cumulative) - 1)])


def penalize_repetition(logits: np.ndarray, seen: np.ndarray, penalty: float):
    """Divides positive logits of seen ids by the penalty, multiplies negative ones.

    Args:
        logits: `[V]`.
        seen: bool `[V]`.
        penalty: 1 changes nothing.
    """
    if penalty == 1:
        return logits
    penalty = np.float32(penalty)
    penalized = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where(seen, penalized, logits)


def draw_uniforms(seed: int, piece: int = 0) -> Iterator[np.float32]:
    """Numbers in [0, 1) without an end, those that `tfmusic.generate` draws.

    Args:
        seed: 0 or more.
        piece: of several with one seed, from 0.
    """
    rng = np.random.Generator(np.random.Philox(seed).jumped(piece))
    return (rng.random(1, np.float32)[0] for _ in itertools.count())


def decode(ids: Iterable[int], tokenizer: dict) -> tuple[list[Note], int]:
    """The notes of ids, and the number of invalid ids, which were skipped.

    Args:
        ids: any; PAD, EOS and BOS at the ends are left out.
        tokenizer: its JSON, parsed.
    """
    notes = NoteStream(ids, tokenizer)
    return list(notes), notes.num_invalid


class NoteStream(Iterator[Note]):
    """The notes of ids, each as soon as no id that may follow can change it.

    A note waits for its end, and for all notes that come before it. An id is read
    when a note is asked for and none is known.

    Args:
        ids: of any length.
        tokenizer: its JSON, parsed.
        prime: ids that come before.
        max_seconds: most seconds of music after the prime: ids are read until so much
            is there, and notes end there.

    Attributes:
        ids: those read so far, with the prime.
        num_invalid: how many of them mean nothing where they stand, and were skipped;
            what may still become a part of something counts until it does.
        seconds: up to where the music is complete, but for ends of notes that still
            sound; 0 at first.

    Raises:
        ValueError: `max_seconds` is not above 0.
    """

    def __init__(
        self,
        ids: Iterable[int],
        tokenizer: dict,
        prime: Iterable[int] = (),
        max_seconds: float | None = None,
    ):
        if max_seconds is not None and not max_seconds > 0:
            raise ValueError(f"seconds must be above 0, not {max_seconds}")
        self.ids = []
        self.num_invalid = 0
        self.seconds = 0.0
        self._end = float("inf")
        self._source = self._read(prime, ids, max_seconds)
        self._known = _known_events(tokenizer)
        self._notes = READERS[tokenizer["name"]](self, tokenizer["options"])

    def __next__(self) -> Note:
        for note in self._notes:
            if note.end > self._end:
                note = dataclasses.replace(note, end=self._end)
            if note.start < note.end:
                return note
        raise StopIteration

    def _read(self, prime, ids, max_seconds):
        yield from prime
        if max_seconds is not None:
            self._end = self.seconds + max_seconds
        for token in ids:
            yield token
            if self.seconds >= self._end:
                return

    def events(self) -> Iterator[tuple[str, int]]:
        """For the readers: events as (range's name, value), without what is none."""
        num_special = 0  # since the last other id
        for token in self._source:
            token = int(token)
            self.ids.append(token)
            if 0 <= token < NUM_SPECIAL:
                num_special += 1
                continue
            if num_special < len(self.ids) - 1:  # not those at the beginning
                self.num_invalid += num_special
            num_special = 0
            if 0 <= token < len(self._known):
                yield self._known[token]
            else:
                self.num_invalid += 1


def _known_events(tokenizer: dict) -> list[tuple[str, int]]:
    """The event of each id, the special ones' being nothing."""
    known = [("", 0)] * NUM_SPECIAL
    for range_ in tokenizer["vocabulary"]["ranges"]:
        values = range(range_["min_value"], range_["max_value"] + 1)
        known += [(range_["name"], value) for value in values]
    return known


@dataclass(eq=False)
class _Sounding:
    """A note on its way, times in the tokenizer's steps; `end` is None until known."""

    start: float
    end: float | None
    pitch: int
    velocity: int = Note.velocity
    track: int = 0
    released: int | None = None  # when its key is, which a pedal may outlast


def _leave(notes: deque[_Sounding]) -> Iterator[_Sounding]:
    """Takes notes from the front, up to one whose end is not known."""
    while notes and notes[0].end is not None:
        yield notes.popleft()


def read_chorale(stream: NoteStream, options: dict) -> Iterator[Note]:
    """Four voices on the grid of 16ths; see `ChoraleTokenizer.decode`."""
    voices, seconds_per_step, choir = 4, 0.125, 52
    waiting = deque()  # in the order of their starts
    sounding = [None] * voices
    ends = [("END", 0)] * voices  # of each voice, one step after its last token
    for index, (name, pitch) in enumerate(itertools.chain(stream.events(), ends)):
        step, voice = divmod(index, voices)
        if name != "END":
            stream.seconds = (index + 1) // voices * seconds_per_step
        held = sounding[voice]
        if held and (name != "PITCH" or pitch != held.pitch):
            held.end = step
            held = None
        if name == "PITCH" and not held:
            held = _Sounding(step, None, pitch, track=voice)
            waiting.append(held)
        sounding[voice] = held
        for note in _leave(waiting):
            start, end = note.start * seconds_per_step, note.end * seconds_per_step
            yield Note(start, end, note.pitch, program=choir, track=note.track)


def read_melody(stream: NoteStream, options: dict) -> Iterator[Note]:
    """Pitches that begin and go on, on the grid of 16ths; see `MelodyTokenizer`."""
    seconds_per_step, choir = 0.125, 52
    begin, sounding, step = 0, None, 0
    for name, value in itertools.chain(stream.events(), [("END", 0)]):
        if name == "HOLD" and sounding is None:
            stream.num_invalid += 1
            continue
        if name != "END":
            stream.seconds = (step + 1) * seconds_per_step
        if name != "HOLD":
            if sounding is not None:
                start, end = begin * seconds_per_step, step * seconds_per_step
                yield Note(start, end, sounding, program=choir)
            begin, sounding = step, value if name == "NOTE" else None
        step += 1


def read_remi(stream: NoteStream, options: dict) -> Iterator[Note]:
    """Bars, positions, tempos and notes; see `RemiTokenizer.decode`.

    Notes come as they are written. One that ends in a bar is known at the next BAR:
    until then the tempo may change.
    """
    begin = length = 0  # the bar, in 16ths
    step = None  # unknown until the bar's first position
    tempo_map = _TempoMap()
    tempos = []  # of the bar
    waiting = deque()
    names, values = ["", "", ""], [0, 0, 0]  # of the last three events
    for name, value in itertools.chain(stream.events(), [("BAR", 0)]):
        names, values = [*names[1:], name], [*values[1:], value]
        num_valid = 0  # events that have a meaning now
        if name == "BAR":
            num_valid = 1
            begin, length, step = begin + length, value, None
            tempo_map.extend(tempos)
            tempos = []
            stream.seconds = tempo_map.seconds(begin)
            while waiting and (waiting[0].end <= begin or not length):
                note = waiting.popleft()
                yield Note(
                    tempo_map.seconds(note.start),
                    tempo_map.seconds(note.end),
                    note.pitch,
                    note.velocity,
                    track=note.track,
                    is_drum=note.track == 1,
                )
        elif name == "POSITION" and value <= length:
            num_valid = 1
            step = begin + value - 1
        elif step is None:
            pass
        elif name == "CHORD":
            num_valid = 1
        elif names[1:] == ["TEMPO_CLASS", "TEMPO_VALUE"]:
            num_valid = 2
            tempos.append((step, 30 + 60 * values[1] + value))
        elif names[0] in ("PITCH", "DRUM") and names[1:] == ["VELOCITY", "DURATION"]:
            num_valid = 3
            end = step + value / 2  # from 32nds
            velocity, track = 4 * values[1] - 2, int(names[0] == "DRUM")
            waiting.append(_Sounding(step, end, values[0], velocity, track))
        stream.num_invalid += 1 - num_valid


class _TempoMap:
    """Seconds of 16ths, given the tempos so far; 120 quarters a minute at first."""

    def __init__(self):
        self._places = [0.0]  # where each tempo begins, in quarters
        self._seconds = [0.0]
        self._seconds_per_quarter = [60 / 120]

    def extend(self, tempos: Sequence[tuple[int, int]]) -> None:
        """Adds tempos: 16ths after those so far, in any order, and quarters a minute.

        Of several at one place the last holds.
        """
        for step, qpm in sorted(tempos, key=lambda tempo: tempo[0]):
            if step / 4 > self._places[-1]:
                self._seconds.append(self.seconds(step))
                self._places.append(step / 4)
                self._seconds_per_quarter.append(None)
            self._seconds_per_quarter[-1] = 60 / qpm

    def seconds(self, steps: float) -> float:
        """When so many 16ths have passed."""
        index = bisect.bisect_right(self._places, steps / 4) - 1
        since = steps / 4 - self._places[index]
        return self._seconds[index] + since * self._seconds_per_quarter[index]


def read_multitrack(stream: NoteStream, options: dict) -> Iterator[Note]:
    """Windows of tracks of bars; see `MultitrackTokenizer.decode`.

    A window's notes are known at its end: its last track may begin as early as its
    first. If the whole piece is one, that is the piece's.
    """
    window, begin = [], 0  # in 12ths of a quarter, which is half a second
    numbers = {}  # of tracks, by kind and place among their likes
    for event in itertools.chain(stream.events(), [("PIECE_START", 0)]):
        if event[0] == "PIECE_START":
            found, tracks, length, num_invalid = _read_window(_fill_in(window))
            stream.num_invalid += num_invalid
            for track in tracks:
                numbers.setdefault(track, len(numbers))
            for start, _, end, pitch, index in sorted(found):
                kind, _ = tracks[index]
                yield Note(
                    (begin + start) / 12 * 0.5,
                    (begin + end) / 12 * 0.5,
                    pitch,
                    program=kind % 128,
                    track=numbers[tracks[index]],
                    is_drum=kind == 128,
                )
            begin += length
            stream.seconds = begin / 12 * 0.5
            window = []
        window.append(event)


def _read_window(events: list[tuple[str, int]]):
    """The notes `(start, index of event, end, pitch, index of track)` of a window.

    Returns:
        The notes in 12ths of a quarter, from the window's begin; each track's kind
        (its program, 128 for drums) and place among its likes; the window's length;
        the number of invalid events.
    """
    tracks, found, num_invalid = [], [], 0
    window_length = track_length = bar_length = time = 0
    in_track = in_bar = False
    open_notes = {}  # pitch: index of its NOTE_ON and start
    likes = {}

    def end_note(pitch, end):
        index, start = open_notes.pop(pitch)
        if end > start:
            found.append((start, index, end, pitch, len(tracks) - 1))
        return end > start

    def end_track():
        for pitch in list(open_notes):
            end_note(pitch, track_length)

    before = ""
    for index, (name, value) in enumerate(events):
        step = track_length - bar_length + time
        is_drums = bool(tracks) and tracks[-1][0] >= 128
        valid = True
        if name == "PIECE_START":
            pass
        elif name == "TRACK_START":
            end_track()
            tracks.append((0, likes.get(0, 0)))
            likes[0] = likes.get(0, 0) + 1
            in_track, in_bar, track_length = True, False, 0
        elif name in ("INSTRUMENT", "DRUMS"):
            valid = before == "TRACK_START"
            if valid:
                likes[0] -= 1
                kind = 128 if name == "DRUMS" else value
                tracks[-1] = (kind, likes.get(kind, 0))
                likes[kind] = likes.get(kind, 0) + 1
        elif name == "DENSITY":
            valid = before in ("INSTRUMENT", "DRUMS")
        elif not in_track:
            valid = False
        elif name == "TRACK_END":
            in_track = in_bar = False
        elif name == "BAR_START":
            in_bar, bar_length, time = True, 3 * value, 0
            track_length += bar_length
            window_length = max(window_length, track_length)
        elif not in_bar:
            valid = False
        elif name == "BAR_END":
            in_bar = False
        elif name == "TIME_DELTA":
            time += value
            valid = time <= bar_length
        elif name == "NOTE_ON" and not is_drums and time < bar_length:
            if value in open_notes and not end_note(value, step):
                num_invalid += 1
            open_notes[value] = index, step
        elif name == "NOTE_OFF" and value in open_notes and time <= bar_length:
            valid = end_note(value, step)
            num_invalid += not valid  # the NOTE_ON
        elif name == "DRUM_ON" and is_drums and time < bar_length:
            found.append((step, index, step + 3, value, len(tracks) - 1))
        else:
            valid = name == "FILL_IN"
        num_invalid += not valid
        before = name if valid else ""
    end_track()
    return found, tracks, window_length, num_invalid


def _fill_in(window: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Puts what was filled in where it belongs; see `fill_bars`."""
    names = [name for name, _ in window]
    starts = [i for i, name in enumerate(names) if name == "FILL_START"]
    starts.append(len(window))
    contents, rest = [], []
    gaps = names[: starts[0]].count("FILL_IN")
    for start, stop in zip(starts[:-1], starts[1:], strict=True):
        if len(contents) == gaps:
            rest += window[start:stop]
            continue
        content_end = stop
        if "FILL_END" in names[start:stop]:
            content_end = names.index("FILL_END", start)
        contents.append(window[start + 1 : content_end])
        rest += window[content_end + 1 : stop]
    filled = []
    for event in window[: starts[0]]:
        is_filled = event[0] == "FILL_IN" and contents
        filled += contents.pop(0) if is_filled else [event]
    return filled + rest


def read_performance(stream: NoteStream, options: dict) -> Iterator[Note]:
    """Keys, loudness and time; see `PerformanceTokenizer.decode`.

    A `Note` has no pedal: where ids have one, notes last as long as it lets them. A
    note is known when time has passed its end.
    """
    rate = options["steps_per_second"]
    piano = _Piano()
    step, velocity = 0, Note.velocity

    def known():
        for note in _leave(piano.notes):
            start, end = note.start / rate, note.end / rate
            if start < end:  # else it was struck again at once
                yield Note(start, end, note.pitch, note.velocity)

    for name, value in stream.events():
        if name == "TIME_SHIFT":
            piano.pass_step()
            yield from known()
            step += value
            stream.seconds = step / rate
        elif name == "VELOCITY":
            per_bin = -(-127 // options["num_velocity_bins"])
            velocity = min(1 + (value - 1) * per_bin + (per_bin - 1) // 2, 127)
        elif name == "NOTE_ON":
            piano.strike(step, value, velocity)
        elif name == "NOTE_OFF":
            stream.num_invalid += piano.release(step, value)
        else:
            stream.num_invalid += piano.move_pedal(step, name == "SUSTAIN_ON")
    stream.num_invalid += piano.end(step)
    yield from known()


class _Piano:
    """Keys and a pedal; what they do in one step is settled when it has passed.

    Methods that return a number count the events that turn out to mean nothing.

    Attributes:
        notes: in the order in which they began; those that still sound and those of
            the present step have no end yet.
    """

    def __init__(self):
        self.notes = deque()
        self._held = {}  # by pitch, the notes whose keys are down, the first one first
        self._begun = []  # in this step, and not ended in it
        self._moves = []  # when in this step the pedal goes up and down by turns
        self._was_down = False  # the pedal, as the step began
        self._last = 0.0  # when something last happened

    def strike(self, step: int, pitch: int, velocity: int) -> None:
        note = _Sounding(step, None, pitch, velocity)
        self.notes.append(note)
        self._begun.append(note)
        self._held.setdefault(pitch, []).append(note)

    def release(self, step: int, pitch: int) -> int:
        if not self._held.get(pitch):
            return 1
        note = self._held[pitch].pop(0)
        if note in self._begun:  # it has no length
            self._begun.remove(note)
            self.notes.remove(note)
            return 2
        note.released = self._last = step
        return 0

    def move_pedal(self, step: int, down: bool) -> int:
        if down == self._is_down_at(step + 1):
            return 1
        self._moves.append(_later(step, len(self._moves)))
        return 0

    def pass_step(self) -> None:
        """Settles the step, see `apply_sustain`."""
        count = pitch = 0
        for note in self._begun:  # those that must stay in their order begin later
            count += note.pitch < pitch
            pitch = note.pitch
            note.start = _later(note.start, count)
        for note in self.notes:
            if note.end is not None or note.released is None:
                continue
            passed = bisect.bisect_right(self._moves, note.released)
            if not self._is_down_at(note.released):
                note.end = note.released
            elif passed < len(self._moves):
                note.end = self._moves[passed]
        for note in self._begun:
            if self._is_down_at(note.start):
                self._damp_before(note)
        times = [self._last, *self._moves, *(note.start for note in self._begun)]
        self._last = max(times)
        self._was_down = self._is_down_at(self._last)
        self._begun, self._moves = [], []

    def end(self, step: int) -> int:
        """Releases all keys; where the pedal is down, the last event ends notes."""
        num_empty = len(self._begun)
        for pitch in [note.pitch for note in self._begun]:
            self._held[pitch].pop()
        for note in self._begun:
            self.notes.remove(note)
        self._begun = []
        for pitch, notes in self._held.items():
            for _ in range(len(notes)):
                self.release(step, pitch)
        self.pass_step()
        for note in self.notes:
            note.end = self._last if note.end is None else note.end
        return num_empty

    def _is_down_at(self, time: float) -> bool:
        """Whether the pedal is down, in this step or where nothing has moved since."""
        return self._was_down != bisect.bisect_right(self._moves, time) % 2

    def _damp_before(self, note: _Sounding) -> None:
        """Ends the notes of the same key that began before this one."""
        for other in self.notes:
            if other is note:
                break
            if other.pitch == note.pitch and (
                other.end is None or other.end > note.start
            ):
                other.end = note.start


def _later(step: int, count: int) -> float:
    """When in its step an event is, if so many come before it in their order."""
    return step + min(count * 1e-4, 0.4)


READERS = {
    "chorale": read_chorale,
    "melody": read_melody,
    "multitrack": read_multitrack,
    "performance": read_performance,
    "remi": read_remi,
}


def write_midi(notes: Sequence[Note], path: str | os.PathLike) -> None:
    """Writes notes as a standard MIDI file, one track for each of theirs.

    Time is kept to 1/440 second (220 ticks a quarter, 120 quarters a minute). The
    file takes its place at the end; its folder is made if it is not there.
    """
    microseconds = (500_000).to_bytes(3, "big")  # a quarter
    tempo = _chunk(b"MTrk", b"\x00\xff\x51\x03" + microseconds + _END)
    tracks = sorted({note.track for note in notes})
    chunks = [
        _chunk(b"MTrk", _track([note for note in notes if note.track == track], number))
        for number, track in enumerate(tracks)
    ]
    division = TICKS_PER_SECOND // 2  # ticks a quarter
    header = _chunk(b"MThd", struct.pack(">HHH", 1, 1 + len(chunks), division))
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as scratch:
        temporary = os.path.join(scratch, name)
        with open(temporary, "wb") as file:
            file.write(b"".join([header, tempo, *chunks]))
        os.replace(temporary, path)


_END = b"\x00\xff\x2f\x00"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "big") + content


def _track(notes: list[Note], number: int) -> bytes:
    channel = number % 15
    channel += channel >= 9  # the tenth is for drums
    if notes[0].is_drum:
        channel = 9
    events = []
    for note in notes:
        start = round(note.start * TICKS_PER_SECOND)
        end = max(round(note.end * TICKS_PER_SECOND), start + 1)
        events.append((start, 1, 0x90, note.pitch, note.velocity))
        events.append((end, 0, 0x80, note.pitch, 0))  # before a note that begins then
    content = bytes([0, 0xC0 | channel, notes[0].program])
    now = 0
    for tick, _, kind, pitch, velocity in sorted(events):
        content += _variable_length(tick - now)
        content += bytes([kind | channel, pitch, velocity])
        now = tick
    return content + _END


def _variable_length(value: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last have bit 7 set."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | (value & 0x7F))
    return bytes(reversed(digits))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(arguments)
    sampling = {name: getattr(options, name) for name in _SAMPLING}
    if not (options.output or options.stream or options.info):
        parser.error("say what to do: --output=music.mid, --stream or --info")
    try:
        Sampler(**sampling)
    except ValueError as error:
        parser.error(f"--{error}")
    try:
        if options.info:
            print(json.dumps(_info(options.model), indent=2, sort_keys=True))
        else:
            _make_music(options, sampling)
    except BrokenPipeError:  # who read the notes has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _fail(f"{error.filename or options.model}: {error.strerror}")
    except ValueError as error:
        return _fail(f"{options.model}: {error}")
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return 0


def _make_music(options: argparse.Namespace, sampling: dict[str, float]) -> None:
    begin = time.perf_counter()
    model = _load(options.model, options.threads, ["decoder", "infiller"])
    load_seconds = time.perf_counter() - begin
    if isinstance(model, MusicInfiller):
        _refuse(options, _OF_DECODERS, "a model that fills gaps")
        _compose(model, options, sampling, load_seconds)
    else:
        _refuse(options, _OF_INFILLERS, "a model that goes on from token to token")
        _continue(model, options, sampling, load_seconds)


def _refuse(options, names, model):
    for name in names:
        if getattr(options, name):
            raise ValueError(f"--{name} is not for {model}")


def _compose(model, options, sampling, load_seconds):
    """All of a piece from an infiller."""
    begin = time.perf_counter()
    is_shown = sys.stderr.isatty()

    def progress(done, total):
        if is_shown:
            print(f"\r{done} of {total} steps ", end="", file=sys.stderr, flush=True)

    ids = model.compose(
        options.bars or DEFAULT_BARS,
        options.seed,
        num_steps=options.steps or GIBBS_STEPS,
        progress=progress,
        **sampling,
    )
    took = time.perf_counter() - begin
    if is_shown:
        print("\r\x1b[K", end="", file=sys.stderr)  # clears the line
    notes, _ = model.decode(ids)
    write_midi(notes, options.output)
    print(
        f"{options.output}: {len(notes)} notes from {len(ids)} cells; loaded in "
        f"{load_seconds:.3f} s, composed in {took:.1f} s"
    )


def _continue(model, options, sampling, load_seconds):
    """Notes from a decoder, each as soon as it is known."""
    num_tokens = options.tokens
    if num_tokens is None:
        num_tokens = MOST_TOKENS if options.seconds else DEFAULT_TOKENS
    loaded = shown = time.perf_counter()
    stream = model.stream_notes(
        options.prime_tokens, num_tokens, options.seconds, options.seed, **sampling
    )
    notes, times = [], f"loaded in {load_seconds:.3f} s"
    for note in stream:
        now = time.perf_counter()
        if not notes:
            times += f", first note {now - loaded:.3f} s later"
        notes.append(note)
        if options.stream:
            program = "drums" if note.is_drum else note.program
            place = f"{note.start:.3f} {note.end:.3f} {note.pitch}"
            print(place, note.velocity, program, flush=True)
        elif sys.stderr.isatty() and now - shown > 0.2:
            shown = now
            text = f"\r{len(stream.ids)} tokens, {stream.seconds:.0f} s of music "
            print(text, end="", file=sys.stderr, flush=True)
    took = time.perf_counter() - loaded
    if shown != loaded:
        print("\r\x1b[K", end="", file=sys.stderr)  # clears the line
    if options.output:
        write_midi(notes, options.output)
    num_new = len(stream.ids) - len(options.prime_tokens)
    print(
        f"{options.output or options.model}: {len(notes)} notes from "
        f"{len(stream.ids)} tokens ({stream.num_invalid} invalid); {times}, "
        f"{num_new / took:.0f} tokens/s",
        file=sys.stderr if options.stream else sys.stdout,
    )


def _info(path: str) -> dict:
    """What a file says about itself, but for the tokenizer's tables."""
    texts = read_texts(path)
    tokenizer = json.loads(texts.pop("tokenizer.json"))
    about = json.loads(texts.pop("tfmusic.json"))
    config = json.loads(texts.pop("config.json"))
    options = {"name": tokenizer["name"], **tokenizer["options"]}
    return {"about": about, "config": config, "tokenizer": options, **texts}


# Options that only one kind of model knows.
_OF_DECODERS = ("stream", "tokens", "seconds", "prime_tokens")
_OF_INFILLERS = ("bars", "steps")

_SAMPLING = {
    "temperature": (float, "below 1 plays safe, 0 takes the likeliest"),
    "top_k": (int, "keep so many of the likeliest tokens; 0 keeps all"),
    "top_p": (float, "keep the likeliest tokens of this mass"),
    "min_p": (float, "keep tokens of at least this part of the likeliest's"),
    "repetition_penalty": (float, "above 1 avoids what the piece already has"),
}


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line."""

    def error(self, message):
        self.exit(_fail(f"{message}; see --help"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        description="Makes music from a .tflite file, as MIDI or as it is made.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", help="a .tflite file of tfmusic.export")
    add("--output", help="the .mid file to write")
    add(
        "--stream",
        action="store_true",
        help="print each note as soon as it is known: start and end in seconds, "
        "pitch, velocity, program",
    )
    add("--info", action="store_true", help="print what the file says about itself")
    add(
        "--tokens",
        type=_positive(int),
        help=f"most new tokens; by default {DEFAULT_TOKENS}, or all of --seconds",
    )
    add("--seconds", type=_positive(float), help="most seconds of new music")
    add(
        "--prime_tokens",
        type=_ids,
        default=[],
        help="ids to continue, such as 20,21,22; their notes come first",
    )
    add(
        "--bars",
        type=_positive(int),
        help=f"of a model that fills gaps: bars to compose; by default {DEFAULT_BARS}",
    )
    add(
        "--steps",
        type=_positive(int),
        help=f"how often such a model draws; by default {GIBBS_STEPS}",
    )
    add("--seed", type=int, default=0, help="another seed, other music")
    add("--threads", type=_positive(int), help="of the interpreter")
    for name, (kind, text) in _SAMPLING.items():
        add(f"--{name}", type=kind, default=getattr(Sampler, name), help=text)
    return parser


def _positive(kind):
    def read(text):
        if not 0 < kind(text) < float("inf"):
            raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
        return kind(text)

    read.__name__ = kind.__name__  # for argparse's own message
    return read


def _ids(text: str) -> list[int]:
    return [int(token) for token in text.split(",") if token]


def _fail(message: str, code: int = 2) -> int:
    print("runtime:", " ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
