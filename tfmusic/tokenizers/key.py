"""The key of a piece, and how far it is from one without accidentals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

# How well each degree, from the tonic up by semitones, fits a key in listeners' ears.
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
# The tonic, as a pitch class, with which each mode has no accidentals.
WHITE_TONIC = {
    "MAJOR": 0,
    "DORIAN": 2,
    "PHRYGIAN": 4,
    "LYDIAN": 5,
    "MIXOLYDIAN": 7,
    "MINOR": 9,
    "LOCRIAN": 11,
}


def semitones_to_c(sequence: NoteSequence, durations: np.ndarray) -> int:
    """The shortest way to the key of the same mode that has no accidentals.

    Major goes to C, minor to A, dorian to D and so on, by the first key signature that
    tells the mode, else by an estimate from the notes.

    Args:
        sequence: the music, for its key signatures.
        durations: `[12]`, how long each pitch class sounds.

    Returns:
        Semitones, -6 to 5.
    """
    for signature in sorted(sequence.key_signatures, key=lambda key: key.time):
        mode = signature.Mode.Name(signature.mode)
        if mode in WHITE_TONIC:
            tonic = signature.key
            break
    else:
        tonic, mode = estimate_key(durations)
    return (WHITE_TONIC[mode] - tonic + 6) % 12 - 6


def estimate_key(durations: np.ndarray) -> tuple[int, str]:
    """The key whose profile correlates best with how long each pitch class sounds.

    Args:
        durations: `[12]`, from C up.

    Returns:
        The tonic as a pitch class, and "MAJOR" or "MINOR"; C major for silence and for
        music that favors no pitch class.

    Reference:
        Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, chapter 4: the
        algorithm of Krumhansl and Schmuckler; profiles of Krumhansl and Kessler, 1982.
    """
    durations = np.asarray(durations, np.float64)
    durations = durations - durations.mean()
    scores = []
    for profile in (MAJOR_PROFILE, MINOR_PROFILE):
        profile = np.array(profile) - np.mean(profile)
        profile /= np.linalg.norm(profile)
        keys = np.stack([np.roll(profile, tonic) for tonic in range(12)])  # [12, 12]
        scores.append(keys @ durations)
    best = int(np.argmax(np.round(np.concatenate(scores), 9)))
    return best % 12, ("MAJOR", "MINOR")[best // 12]
