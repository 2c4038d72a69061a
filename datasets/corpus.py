"""Where the music21 package keeps the music that it comes with."""

import importlib.util
import os

from tfmusic.errors import UserError


def find_corpus(name: str) -> str:
    """A folder of music21's corpus, such as "bach", without importing music21.

    Raises:
        UserError: music21 is not installed with its corpus.
    """
    spec = importlib.util.find_spec("music21")
    if spec is not None and spec.origin is not None:
        folder = os.path.join(os.path.dirname(spec.origin), "corpus", name)
        if os.path.isdir(folder):
            return folder
    raise UserError("music21 is not installed with its corpus: pip install music21")
