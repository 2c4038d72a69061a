"""Some of a split's pieces: by their names, or those that others have nothing of."""

from collections.abc import Collection

from tfmusic.datasets.kinship import passages
from tfmusic.datasets.pieces import Pieces
from tfmusic.tokenizers import ChoraleTokenizer


def select(pieces: Pieces, names: Collection[str]) -> Pieces:
    """The pieces of these names, as far as there are such, in the split's order."""
    return pieces.take([i for i, name in enumerate(pieces.names) if name in names])


def without_kin(pieces: Pieces, others: Pieces, tokenizer: ChoraleTokenizer) -> Pieces:
    """The pieces that share no passage with any of the others.

    Passages are `kinship.passages`: of eight beats, in whatever key.

    Args:
        pieces: to choose from.
        others: such as what a model was trained on.
        tokenizer: that made the ids of both.
    """
    taken: set[bytes] = set().union(*_passages(others, tokenizer))
    found = zip(pieces.names, _passages(pieces, tokenizer), strict=True)
    return select(pieces, {name for name, own in found if not own & taken})


def _passages(pieces, tokenizer):
    for index in range(len(pieces)):
        yield passages(tokenizer.ids_to_grid(pieces.piece(index))[0])
