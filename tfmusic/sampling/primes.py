"""What a piece of music begins with."""

import re

import numpy as np

from tfmusic.datasets.pieces import load_pieces
from tfmusic.errors import UserError
from tfmusic.music import read_sequence
from tfmusic.music.excerpt import first_seconds
from tfmusic.tokenizers import Tokenizer

PIECE = re.compile(r"([\w/.]+):(\w+):(\d+)")


def read_prime(
    source: str,
    tokenizer: Tokenizer,
    data_dir: str,
    seconds: float | None = None,
    num_tokens: int | None = None,
) -> np.ndarray:
    """Reads the beginning of a piece.

    Args:
        source: a music file, or a piece of a data set as DATASET:SPLIT:NUMBER,
            counted from 0.
        tokenizer: makes the ids.
        data_dir: where prepared data is kept.
        seconds: take so many; by default all.
        num_tokens: take so many; by default all.

    Returns:
        int32 `[T]`, without BOS; T is 1 or more.

    Raises:
        UserError: there is no such music, or the tokenizer has no ids for it.
    """
    sequence = _read(source, tokenizer, data_dir)
    if seconds is not None:
        sequence = first_seconds(sequence, seconds)
    try:
        ids = tokenizer.encode(sequence)[:num_tokens]
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    if not len(ids):
        raise UserError(f"{source}: no music there to continue")
    return ids


def _read(source, tokenizer, data_dir):
    piece = PIECE.fullmatch(source)
    if not piece:
        return read_sequence(source)
    name, split, number = piece[1], piece[2], int(piece[3])
    pieces = load_pieces(name, split, tokenizer, data_dir)
    if number >= len(pieces):
        raise UserError(
            f"{source}: {name} has {len(pieces)} pieces in {split}, counted from 0"
        )
    sequence, _ = tokenizer.decode(pieces.piece(number))
    return sequence
