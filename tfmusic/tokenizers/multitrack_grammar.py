"""Which multitrack events may follow which."""

import numpy as np

from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.vocabulary import EOS, Vocabulary

FIRST_PITCH = 2  # the feature's value of pitch 0

# state: {event: the state after it}. In a bar, time passes only up to an event. The
# kind of a track (see `_KINDS`) decides which events its bars have.
_FRAME = {
    "track": {"INSTRUMENT": "notes name", "DRUMS": "drums name"},
    "track end": {"TRACK_START": "track"},
}
_BAR = {
    "name": {"DENSITY": "density"},
    "density": {"BAR_START": "bar"},
    "bar": {"FILL_IN": "gap"},
    "gap": {"BAR_END": "bar end"},
    "event": {},
    "time": {"TIME_DELTA": "time"},
    "bar end": {"BAR_START": "bar"},
}
_FILL = {
    "fill": {"FILL_END": "fill end"},
    "fill event": {"FILL_END": "fill end"},
    "fill time": {"TIME_DELTA": "fill time"},
    "fill end": {"FILL_START": "fill", "PIECE_START": "piece", "EOS": "begin"},
}
_KINDS = {"notes": ("NOTE_ON", "NOTE_OFF"), "drums": ("DRUM_ON",)}


def multitrack_grammar(vocabulary: Vocabulary) -> Grammar:
    """A window without gaps ends with its last track, one with gaps by filling them.

    The states of tracks are there twice: before the window's first FILL_IN, and after
    it, where FILL_START follows the last track.
    """
    transitions = {
        "begin": {"PIECE_START": "piece"},
        "piece": {"TRACK_START": "track"},
        **_FILL,
    }
    for state in ("fill", "fill event", "fill time"):
        transitions[state] = {**_FILL[state], "TIME_DELTA": "fill time"} | {
            name: "fill event" for names in _KINDS.values() for name in names
        }
    for gaps in ("", " with gaps"):
        for state in _FRAME:
            transitions[state + gaps] = {
                name: after + gaps for name, after in _FRAME[state].items()
            }
        if gaps:
            transitions["track end" + gaps] |= {"FILL_START": "fill"}
        else:
            transitions["track end"] |= {"PIECE_START": "piece", "EOS": "begin"}
        for kind, names in _KINDS.items():
            for state, follow in _BAR.items():
                if state == "gap" and not gaps:  # FILL_IN itself tells of gaps
                    continue
                after = {
                    name: f"{kind} {next_}"
                    + (" with gaps" if name == "FILL_IN" else gaps)
                    for name, next_ in follow.items()
                }
                if state in ("bar", "event", "time"):
                    after["TIME_DELTA"] = f"{kind} time{gaps}"
                    after |= {name: f"{kind} event{gaps}" for name in names}
                if state in ("bar", "event"):
                    after["BAR_END"] = f"{kind} bar end{gaps}"
                if state == "bar end":
                    after["TRACK_END"] = f"track end{gaps}"
                transitions[f"{kind} {state}{gaps}"] = after
    return _tables(transitions, vocabulary)


def _tables(transitions: dict[str, dict[str, str]], vocabulary: Vocabulary) -> Grammar:
    """The grammar of named states, of which the first is the beginning."""
    names = [range_.name for range_ in vocabulary.ranges]
    number = {name: 2 + index for index, name in enumerate(names)} | {"EOS": 1}
    classes = np.zeros(vocabulary.size, np.int32)  # 0 may never stand
    classes[EOS] = number["EOS"]
    for name in names:
        classes[slice(*vocabulary.span(name))] = number[name]
    states = {state: index for index, state in enumerate(transitions)}
    next_state = np.full([len(states), 2 + len(names)], -1, np.int32)
    for state, follow in transitions.items():
        for name, after in follow.items():
            next_state[states[state], number[name]] = states[after]

    pitch = np.zeros(vocabulary.size, np.int32)
    for name in ("NOTE_ON", "NOTE_OFF"):
        start, stop = vocabulary.span(name)
        pitch[start:stop] = FIRST_PITCH + np.arange(stop - start)
    return Grammar(classes, next_state, {}, {"pitch": pitch})
