"""Makes music from a .tflite file, with numpy and ai-edge-litert alone.

This file needs nothing else of its package: copy it to a device and run

    python runtime.py model.tflite --output=music.mid

or use it from Python:

    model = runtime.load("model.tflite")
    (ids,) = model.generate([[]], num_tokens=512, temperature=0.9, seed=1)
    notes, num_invalid = model.decode(ids)
    runtime.write_midi(notes, "music.mid")

Where logits agree, a seed gives the same music as `tfmusic.generate` does. Axis
letters: `S` grammar states, `V` ids, `T` tokens, `M` cache rows, `H` size of a row.
"""

import argparse
import bisect
import io
import json
import os
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PAD, EOS, BOS = 0, 1, 2
NUM_SPECIAL = 3
MASKED = -1e30  # a logit that is never drawn
CACHE_GROWTH = 128  # rows by which the cache becomes longer: short ones are faster
TICKS_PER_SECOND = 440  # of the MIDI files


def load(source: str | os.PathLike | bytes) -> "MusicModel":
    """Reads a model that `python -m tfmusic.export` wrote.

    Args:
        source: a path, or the file's content.

    Raises:
        ValueError: it is not such a file.
        OSError: it can't be read.
    """
    if isinstance(source, bytes):
        file, content = io.BytesIO(source), {"model_content": source}
    else:
        file, content = source, {"model_path": os.fspath(source)}
    try:
        with zipfile.ZipFile(file) as archive:
            about = json.loads(archive.read("tfmusic.json"))
            tokenizer = archive.read("tokenizer.json").decode()
            config = archive.read("config.json").decode()
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError("not a .tflite file that tfmusic.export wrote") from error
    return MusicModel(Interpreter(**content), about, tokenizer, config)


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
        """
        sampler = Sampler(**sampling)
        pieces = []
        for index, prime in enumerate(primes):
            philox = np.random.Philox(seed).jumped(index)
            uniforms = np.random.Generator(philox).random(num_tokens, np.float32)
            new = list(self.stream(prime, uniforms, sampler))
            pieces.append(np.array([*prime, *new], np.int32))
        return pieces

    def stream(
        self, prime: Sequence[int], uniforms: np.ndarray, sampler: "Sampler"
    ) -> Iterator[int]:
        """Yields the ids after a prime, each as soon as it is drawn.

        When the cache is full, its oldest half is dropped and the newest is consumed
        again, so music goes on past any length.

        Args:
            prime: ids without BOS.
            uniforms: float32 `[N]` in [0, 1), one for each new token at most.
            sampler: how they are drawn.
        """
        tokens = [BOS, *(int(token) for token in prime)]
        states = [0]
        for token in tokens[1:]:
            states.append(self.grammar.next_state[states[-1], token])
        seen = np.zeros(self.grammar.allowed.shape[1], bool)
        seen[tokens[1:]] = True
        max_length, chunk = self.graph.max_length, self.graph.chunk
        start = consumed = 0
        self.graph.reset()
        for uniform in uniforms:
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
        return DECODERS[self._tokenizer["name"]](ids, self._tokenizer)


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
    prime.

    Args:
        interpreter: of the graph.
        chunk: tokens that `prefill` takes.
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
        # `decode` is the main subgraph. A runner must not outlive this line: while
        # there is one, the interpreter lets nobody touch its tensors.
        runner = interpreter.get_signature_runner("decode")
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        del runner
        self._index = {name: details["index"] for name, details in inputs.items()}
        self._kinds = {f"cache_{name}": kind for name, kind in kinds.items()}
        self._shape = {name: inputs[name]["shape"] for name in self._kinds}
        self._cache = {
            name: interpreter.tensor(self._index[name]) for name in self._kinds
        }
        self._outputs = {
            name: interpreter.tensor(details["index"])
            for name, details in outputs.items()
        }
        self._num_rows = 0  # none before the first token

    def reset(self) -> None:
        """Forgets the piece."""
        self.position = 0
        for name, kind in self._kinds.items():
            if self._num_rows and kind == "state":
                self._cache[name]().fill(0)

    def extend(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Consumes the next tokens.

        Args:
            inputs: int `[T]`: the tokens and their features, T being 1 or `chunk`.

        Returns:
            float32 `[T, V]`, the logits after each of them.
        """
        count = len(inputs["tokens"])
        self._make_room(self.position + count)
        if count == 1:
            for name, array in self._arrays(inputs).items():
                self._interpreter.set_tensor(self._index[name], array)
            self._interpreter.invoke()
            updates = {name: tensor() for name, tensor in self._outputs.items()}
            logits = updates["logits"][0].copy()
        else:
            arrays = self._arrays(inputs)
            for name in self._cache:
                arrays[name] = self._interpreter.get_tensor(self._index[name])
            updates = self._interpreter.get_signature_runner("prefill")(**arrays)
            logits = updates["logits"][0]
        rows = slice(self.position, self.position + count)
        for name, tensor in self._cache.items():
            update = updates[name.replace("cache", "update")]
            if self._kinds[name] == "rows":
                tensor()[..., rows, :] = update  # [.., T, H]
            else:
                tensor()[...] = update
        self.position += count
        return logits

    def _arrays(self, inputs) -> dict[str, np.ndarray]:
        """The graph's inputs but for the cache."""
        arrays = {name: np.array([value], np.int32) for name, value in inputs.items()}
        return {**arrays, "position": np.array(self.position, np.int32)}

    def _make_room(self, num_rows: int) -> None:
        """Makes the cache as long as the longest piece so far needs."""
        if num_rows <= self._num_rows:
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
                *outer, _, size = self._shape[name]
                shape = [*outer, num_rows, size]  # [.., M, H]
                self._interpreter.resize_tensor_input(self._index[name], shape)
        self._interpreter.allocate_tensors()
        for name, tensor in self._cache.items():
            tensor().fill(0)  # a weight of zero would not hide a NaN
            if old and self._kinds[name] == "rows":
                tensor()[..., : self._num_rows, :] = old[name]
            elif old:
                tensor()[...] = old[name]
        self._num_rows = num_rows


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


def decode_chorale(ids: Sequence[int], tokenizer: dict) -> tuple[list[Note], int]:
    """Four voices on the grid of 16ths; see `ChoraleTokenizer.decode`."""
    voices, seconds_per_step, choir = 4, 0.125, 52
    rest, pitch = tokenizer["vocabulary"]["ranges"]
    first = NUM_SPECIAL + rest["max_value"] - rest["min_value"] + 1
    size = first + pitch["max_value"] - pitch["min_value"] + 1
    ids = np.asarray(ids, np.int64)
    music = np.flatnonzero((ids < 0) | (ids >= NUM_SPECIAL))
    ids = ids[music[0] : music[-1] + 1] if len(music) else ids[:0]
    valid = ids[(ids >= NUM_SPECIAL) & (ids < size)]
    pitches = np.where(valid < first, -1, valid - first + pitch["min_value"])
    pitches = np.pad(pitches, (0, -len(pitches) % voices), constant_values=-1)
    notes = []
    for voice, line in enumerate(pitches.reshape(-1, voices).T):
        changes = np.flatnonzero(np.diff(line)) + 1
        starts = [0, *changes.tolist()]
        ends = [*changes.tolist(), len(line)]
        for start, end in zip(starts, ends, strict=True):
            if end and line[start] >= 0:
                notes.append(
                    Note(
                        start * seconds_per_step,
                        end * seconds_per_step,
                        int(line[start]),
                        program=choir,
                        track=voice,
                    )
                )
    notes.sort(key=lambda note: (note.start, note.track))
    return notes, len(ids) - len(valid)


def decode_remi(ids: Sequence[int], tokenizer: dict) -> tuple[list[Note], int]:
    """Bars, positions, tempos and notes; see `RemiTokenizer.decode`."""
    events, num_invalid = _events(ids, tokenizer)
    names = [name for name, _ in events] + ["", ""]
    begin = length = 0  # the bar, in 16ths
    step = None  # unknown until the bar's first position
    tempos, found = [], []
    index = 0
    while index < len(events):
        name, value = events[index]
        count = 1  # events read
        if name == "BAR":
            begin, length, step = begin + length, value, None
        elif name == "POSITION" and value <= length:
            step = begin + value - 1
        elif step is None:
            num_invalid += 1
        elif name == "TEMPO_CLASS" and names[index + 1] == "TEMPO_VALUE":
            tempos.append((step, 30 + 60 * value + events[index + 1][1]))
            count = 2
        elif name in ("PITCH", "DRUM") and names[index + 1 : index + 3] == [
            "VELOCITY",
            "DURATION",
        ]:
            velocity = 4 * events[index + 1][1] - 2
            duration = events[index + 2][1] / 2  # from 32nds
            found.append((step, step + duration, value, velocity, name == "DRUM"))
            count = 3
        elif name != "CHORD":
            num_invalid += 1
        index += count
    if not found:
        return [], num_invalid
    # The last tempo of a step holds.
    changes = {0: 120} | dict(sorted(tempos, key=lambda tempo: tempo[0]))
    places = np.array(list(changes)) / 4  # quarters
    seconds_per_quarter = 60 / np.array(list(changes.values()))
    passed = np.cumsum(np.diff(places) * seconds_per_quarter[:-1])
    passed = np.append(0, passed)

    def seconds(steps):
        index = np.searchsorted(places, steps / 4, side="right") - 1
        since = steps / 4 - places[index]
        return float(passed[index] + since * seconds_per_quarter[index])

    notes = [
        Note(
            seconds(start),
            seconds(end),
            pitch,
            velocity,
            track=int(is_drum),
            is_drum=is_drum,
        )
        for start, end, pitch, velocity, is_drum in found
    ]
    return notes, num_invalid


def decode_multitrack(ids: Sequence[int], tokenizer: dict) -> tuple[list[Note], int]:
    """Windows of tracks of bars; see `MultitrackTokenizer.decode`."""
    events, num_invalid = _events(ids, tokenizer)
    tracks, found = [], []  # tracks: kind, place among its likes in the window
    window_begin = window_length = 0  # in 12ths of a quarter
    track_length = bar_length = time = 0
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
            end_note(pitch, window_begin + track_length)

    before = ""
    for index, (name, value) in enumerate(_fill_in(events)):
        step = window_begin + track_length - bar_length + time
        is_drums = bool(tracks) and tracks[-1][0] >= 128
        valid = True
        if name == "PIECE_START":
            end_track()
            window_begin += window_length
            window_length = 0
            likes = {}
            in_track = in_bar = False
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
    numbers = {track: number for number, track in enumerate(sorted(set(tracks)))}
    notes = []
    for start, _, end, pitch, track in sorted(found):
        kind, _ = tracks[track]
        notes.append(
            Note(
                start / 12 * 0.5,
                end / 12 * 0.5,
                pitch,
                program=kind % 128,
                track=numbers[tracks[track]],
                is_drum=kind == 128,
            )
        )
    return notes, num_invalid


def _fill_in(events: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """In each window, puts what was filled in where it belongs; see `fill_bars`."""
    bounds = [i for i, (name, _) in enumerate(events) if name == "PIECE_START"]
    filled = []
    for begin, end in zip([0, *bounds], [*bounds, len(events)], strict=True):
        window = events[begin:end]
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
        for event in window[: starts[0]]:
            is_filled = event[0] == "FILL_IN" and contents
            filled += contents.pop(0) if is_filled else [event]
        filled += rest
    return filled


def decode_performance(ids: Sequence[int], tokenizer: dict) -> tuple[list[Note], int]:
    """Keys, loudness and time; see `PerformanceTokenizer.decode`.

    A `Note` has no pedal: where ids have one, notes last as long as it lets them.
    """
    events, num_invalid = _events(ids, tokenizer)
    options = tokenizer["options"]
    found, sounding = [], {}  # notes, and by pitch those that have no end yet
    pedal, is_down = [], False
    step, velocity = 0, Note.velocity
    for name, value in events:
        if name == "TIME_SHIFT":
            step += value
        elif name == "VELOCITY":
            per_bin = -(-127 // options["num_velocity_bins"])
            velocity = min(1 + (value - 1) * per_bin + (per_bin - 1) // 2, 127)
        elif name == "NOTE_ON":
            found.append([step, None, value, velocity])
            sounding.setdefault(value, []).append(found[-1])
        elif name == "NOTE_OFF" and sounding.get(value):
            note = sounding[value].pop(0)
            note[1] = step
            num_invalid += step == note[0]  # and its NOTE_ON, below
        elif name == "NOTE_OFF" or is_down == (name == "SUSTAIN_ON"):
            num_invalid += 1
        else:
            is_down = not is_down
            pedal.append((step, is_down))
    held = [[start, step if end is None else end, *rest] for start, end, *rest in found]
    held = [note for note in held if note[0] < note[1]]
    num_invalid += len(found) - len(held)
    # What has to stay in its order within a step begins a little later.
    pitches = [pitch for _, _, pitch, _ in held]
    falls = [b < a for a, b in zip([-1, *pitches], pitches, strict=False)]
    begins = _in_order([note[0] for note in held], falls)
    held = [(begin, *note[1:]) for begin, note in zip(begins, held, strict=True)]
    moves = _in_order([step for step, _ in pedal], [True] * len(pedal))
    rate = options["steps_per_second"]
    return [
        Note(start / rate, end / rate, pitch, velocity)
        for start, end, pitch, velocity in _sustained(held, moves)
    ], num_invalid


def _in_order(steps: list[int], later: list[bool]) -> list[float]:
    """When in its step each event is, if it has to be later than the one before."""
    times, before, count = [], None, 0
    for step, is_later in zip(steps, later, strict=True):
        count = count + is_later if step == before else 0
        before = step
        times.append(step + min(count * 1e-4, 0.4))
    return times


def _sustained(notes: list[tuple], moves: list[float]) -> list[tuple]:
    """Notes `(start, end, pitch, velocity)` under a pedal; see `apply_sustain`.

    Args:
        notes: as long as their keys are held, in order.
        moves: when the pedal goes down and up by turns.
    """
    if not moves or not notes:
        return notes
    last = max(moves[-1], *(max(note[:2]) for note in notes))
    struck = {}  # when each pitch is next struck with the pedal down
    sustained = []
    for start, end, pitch, velocity in reversed(notes):
        passed = bisect.bisect_right(moves, end)
        if passed % 2:
            end = moves[passed] if passed < len(moves) else last
        end = min(end, struck.get(pitch, end))
        if start < end:
            sustained.append((start, end, pitch, velocity))
        if bisect.bisect_right(moves, start) % 2:
            struck[pitch] = start
    return sustained[::-1]


def decode_melody(ids: Sequence[int], tokenizer: dict) -> tuple[list[Note], int]:
    """Pitches that begin and go on, on the grid of 16ths; see `MelodyTokenizer`."""
    seconds_per_step, choir = 0.125, 52
    events, num_invalid = _events(ids, tokenizer)
    notes, begin, sounding, step = [], 0, None, 0
    for name, value in [*events, ("REST", 0)]:
        if name == "HOLD" and sounding is None:
            num_invalid += 1
            continue
        if name != "HOLD":
            if sounding is not None:
                start, end = begin * seconds_per_step, step * seconds_per_step
                notes.append(Note(start, end, sounding, program=choir))
            begin, sounding = step, value if name == "NOTE" else None
        step += 1
    return notes, num_invalid


def _events(ids: Sequence[int], tokenizer: dict) -> tuple[list[tuple[str, int]], int]:
    """The events of ids as (range's name, value), and the number of invalid ids.

    PAD, EOS and BOS at the ends are left out.
    """
    known = [None] * NUM_SPECIAL
    for range_ in tokenizer["vocabulary"]["ranges"]:
        values = range(range_["min_value"], range_["max_value"] + 1)
        known += [(range_["name"], value) for value in values]
    ids = [int(token) for token in ids]
    while ids and 0 <= ids[-1] < NUM_SPECIAL:
        ids.pop()
    while ids and 0 <= ids[0] < NUM_SPECIAL:
        ids.pop(0)
    events = [known[token] for token in ids if NUM_SPECIAL <= token < len(known)]
    return events, len(ids) - len(events)


DECODERS = {
    "chorale": decode_chorale,
    "melody": decode_melody,
    "multitrack": decode_multitrack,
    "performance": decode_performance,
    "remi": decode_remi,
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
    parser = argparse.ArgumentParser(
        description="Makes music from a .tflite file and writes it as MIDI."
    )
    parser.add_argument("model", help="a .tflite file of tfmusic.export")
    parser.add_argument("--output", required=True, help="the .mid file to write")
    parser.add_argument("--tokens", type=int, default=512, help="most tokens")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other music")
    sampling = {
        "temperature": (float, "below 1 plays safe, 0 takes the likeliest"),
        "top_k": (int, "keep so many of the likeliest tokens; 0 keeps all"),
        "top_p": (float, "keep the likeliest tokens of this mass"),
        "min_p": (float, "keep tokens of at least this part of the likeliest's"),
        "repetition_penalty": (float, "above 1 avoids what the piece already has"),
    }
    for name, (kind, text) in sampling.items():
        parser.add_argument(
            f"--{name}", type=kind, default=getattr(Sampler, name), help=text
        )
    options = vars(parser.parse_args(arguments))
    settings = {name: options[name] for name in sampling}
    try:
        Sampler(**settings)
        model = load(options["model"])
        begin = time.perf_counter()
        (ids,) = model.generate([[]], options["tokens"], options["seed"], **settings)
        speed = len(ids) / (time.perf_counter() - begin)
        notes, num_invalid = model.decode(ids)
        write_midi(notes, options["output"])
    except OSError as error:
        print(f"runtime: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"runtime: {options['model']}: {error}", file=sys.stderr)
        return 2
    print(
        f"{options['output']}: {len(notes)} notes from {len(ids)} tokens "
        f"({num_invalid} invalid), {speed:.0f} tokens/s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
