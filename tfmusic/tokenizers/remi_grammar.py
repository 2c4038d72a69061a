"""Which REMI events may follow which."""

import numpy as np

from tfmusic.tokenizers.beats import LONGEST_BAR
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.vocabulary import EOS, Vocabulary

FIRST_PITCH = 2  # the feature's value of pitch 0

# What the last token was, for each position.
PLACED, TEMPO_CLASS, TEMPO, DONE, PITCH, VELOCITY = range(6)


def remi_grammar(vocabulary: Vocabulary) -> Grammar:
    """State 0 is the beginning, 1 the bar, then six for each position.

    Positions of a bar ascend. At one come a tempo, a chord and notes, each of them or
    none, in this order. A piece doesn't end at a bar or at a position, which come only
    with something in them.
    """
    names = ["", "EOS", *(range_.name for range_ in vocabulary.ranges)]
    number = {name: index for index, name in enumerate(names) if name != "POSITION"}
    classes = np.zeros(vocabulary.size, np.int32)
    classes[EOS] = number["EOS"]
    for name, index in number.items():
        if name not in ("", "EOS"):
            classes[slice(*vocabulary.span(name))] = index
    # Each position is a class of its own.
    first = len(names)
    start, stop = vocabulary.span("POSITION")
    classes[start:stop] = first + np.arange(LONGEST_BAR)

    next_state = np.full([2 + 6 * LONGEST_BAR, first + LONGEST_BAR], -1, np.int32)
    next_state[:2, number["BAR"]] = 1
    next_state[1, first:] = 2 + 6 * np.arange(LONGEST_BAR) + PLACED
    for position in range(LONGEST_BAR):
        at = 2 + 6 * position
        for before in (TEMPO, DONE):
            next_state[at + before, number["EOS"]] = 0
            next_state[at + before, number["BAR"]] = 1
            later = np.arange(position + 1, LONGEST_BAR)
            next_state[at + before, first + later] = 2 + 6 * later + PLACED
        for before, name, after in (
            (PLACED, "TEMPO_CLASS", TEMPO_CLASS),
            (TEMPO_CLASS, "TEMPO_VALUE", TEMPO),
            (PLACED, "CHORD", DONE),
            (TEMPO, "CHORD", DONE),
            (PLACED, "PITCH", PITCH),
            (TEMPO, "PITCH", PITCH),
            (DONE, "PITCH", PITCH),
            (PLACED, "DRUM", PITCH),
            (TEMPO, "DRUM", PITCH),
            (DONE, "DRUM", PITCH),
            (PITCH, "VELOCITY", VELOCITY),
            (VELOCITY, "DURATION", DONE),
        ):
            if name in number:
                next_state[at + before, number[name]] = at + after

    states = np.arange(len(next_state), dtype=np.int32)
    pitch = np.zeros(vocabulary.size, np.int32)
    start, stop = vocabulary.span("PITCH")
    pitch[start:stop] = FIRST_PITCH + np.arange(stop - start)
    return Grammar(
        classes=classes,
        next_state=next_state,
        state_features={"beat": np.maximum(0, (states - 2) // 6 + 1)},
        token_features={"pitch": pitch},
    )
