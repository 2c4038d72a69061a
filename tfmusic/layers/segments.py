"""Segments: pieces that share a window and know nothing of each other."""

import tensorflow as tf

# The entry of a model's inputs that says which tokens are of one piece.
SEGMENT = "segment"


def segment_starts(segment):
    """Where each token's segment begins.

    Args:
        segment: int32 `[B, T]`; a segment is a run of equal numbers, so one that
            comes again after another is a new segment.

    Returns:
        int32 `[B, T]`, the index of the first token of each token's segment.
    """
    changes = tf.cast(segment[:, 1:] != segment[:, :-1], tf.int32)
    runs = tf.cumsum(tf.pad(changes, [[0, 0], [1, 0]]), axis=1)
    # Runs ascend, so a binary search finds the first of each.
    return tf.searchsorted(runs, runs)


def starts_of(features):
    """`segment_starts` of a mixer's features; None where they hold no segments.

    Args:
        features: dict of int32 `[B, T]`, or None.
    """
    if not features or SEGMENT not in features:
        return None
    return segment_starts(features[SEGMENT])
