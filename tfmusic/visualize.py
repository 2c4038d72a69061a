"""Shows what a model looks at: arcs of attention over a piano roll.

Usage:
  python -m tfmusic.visualize --model_dir=DIR --output=FILE.html
  python -m tfmusic.visualize --model_dir=DIR --output=FILE.png --layer=2 --at=4
  python -m tfmusic.visualize --model_dir=DIR --input=FILE.mid --output=FILE.html
  python -m tfmusic.visualize --model_dir=chorales --dataset=bach_chorales

Shows the beginning of a piece to the model and draws which tokens each token looks at,
by layer and head. FILE.html is a page to look around in, which needs nothing else and
no network; FILE.png is a picture of one token's links, a piano roll for each layer.
Without --input, it is a piece of the run's data.

In a decoder, a token looks at itself and what came before, to tell what comes next.
"""

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

DEFAULT_TOKENS = 512

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "A run's folder, or the name of a model that tfmusic comes with.",
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", "attention.html", "The page (.html) or the picture (.png) to write."
)
_INPUT = flags.DEFINE_string(
    "input", None, "Music: a .mid, .midi, .mxl, .xml, .musicxml or .abc file."
)
_DATASET = flags.DEFINE_string("dataset", None, "Data set; by default the run's.")
_SPLIT = flags.DEFINE_enum(
    "split", "validation", ["train", "validation", "test"], "Of the data set."
)
_PIECE = flags.DEFINE_integer(
    "piece", 0, "Which piece of the split, counted from 0.", lower_bound=0
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_TOKENS = flags.DEFINE_integer(
    "tokens",
    DEFAULT_TOKENS,
    "Show so many tokens of the piece, at most the model's max_length.",
    lower_bound=1,
)
_LAYER = flags.DEFINE_integer(
    "layer",
    None,
    "Show this layer, counted from 1; by default a picture shows all, and a page the "
    "last at first.",
    lower_bound=1,
)
_HEAD = flags.DEFINE_integer(
    "head", None, "Show this head alone, counted from 1.", lower_bound=1
)
_TOKEN = flags.DEFINE_integer(
    "token",
    None,
    "The token that looks, counted from 0; by default one that begins the last note.",
    lower_bound=0,
)
_AT = flags.DEFINE_float(
    "at", None, "The last note that has begun at this second looks, instead."
)


def main() -> None:
    """Reads the flags, shows the model the music, writes."""
    _check_flags()
    import_tensorflow()
    from tfmusic.music.piece_files import check_place
    from tfmusic.training.run import load_run
    from tfmusic.visualization.attention import read_attention
    from tfmusic.visualization.attention_page import write_page
    from tfmusic.visualization.attention_picture import draw_attention
    from tfmusic.visualization.token_notes import token_notes

    check_place(_OUTPUT.value)
    run = load_run(_MODEL_DIR.value)
    source, ids = _music(run)
    print(f"{source} ({len(ids)} tokens) through {_MODEL_DIR.value} ...", flush=True)
    attention = read_attention(run.model, run.tokenizer, ids, _TOKENS.value)
    if not attention.with_weights:
        raise UserError(
            f"no layer of {_MODEL_DIR.value} attends to tokens: "
            f"{attention.without_weights}; there is nothing to draw"
        )
    num_tokens = attention.num_places - attention.first
    places = token_notes(ids, run.tokenizer)
    places = places.beginning(num_tokens, with_bos=attention.first > 0)
    layers, head = _layers(attention), None
    if _HEAD.value is not None:
        head = _HEAD.value - 1
        fewest = min(len(attention.layers[layer]) for layer in layers)
        if head >= fewest:
            raise UserError(f"--head={_HEAD.value}: there are {fewest} heads")
    query = _query(attention, places)
    looks = f"{places.names[query]} at {places.start[query]:.2f} s"
    if _OUTPUT.value.lower().endswith(".png"):
        title = f"{source}: what {looks} looks at"
        draw_attention(attention, places, _OUTPUT.value, title, layers, head, query)
    else:
        title = f"Attention of {_MODEL_DIR.value} in {source}"
        write_page(attention, places, _OUTPUT.value, title, layers[-1], head, query)
    if attention.without_weights:
        print(f"no attention to tokens in {attention.without_weights}")
    print(f"{_OUTPUT.value}: {num_tokens} tokens, {looks} looks")


def _music(run):
    """A name for the music that the flags ask for, and its ids."""
    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.sampling.primes import read_prime

    if _INPUT.value is not None:
        ids = read_prime(_INPUT.value, run.tokenizer, _DATA_DIR.value)
        return _INPUT.value, ids
    dataset = _DATASET.value or run.train_config.dataset
    pieces = load_pieces(dataset, _SPLIT.value, run.tokenizer, _DATA_DIR.value)
    if _PIECE.value >= len(pieces):
        raise UserError(
            f"--piece={_PIECE.value}: {dataset} has {len(pieces)} pieces in "
            f"{_SPLIT.value}, counted from 0"
        )
    ids = pieces.piece(_PIECE.value)
    if not len(ids):
        raise UserError(f"--piece={_PIECE.value}: there is no music in this piece")
    return f"{dataset} {_SPLIT.value} {pieces.names[_PIECE.value]}", ids


def _layers(attention):
    """The layers to draw, counted from 0."""
    if _LAYER.value is None:
        return attention.with_weights
    layer = _LAYER.value - 1
    if layer >= len(attention.layers):
        raise UserError(
            f"--layer={_LAYER.value}: there are {len(attention.layers)} layers"
        )
    if layer not in attention.with_weights:
        known = ", ".join(str(index + 1) for index in attention.with_weights)
        raise UserError(
            f"--layer={_LAYER.value} is {attention.mixers[layer]}, which does not "
            f"attend to tokens: choose from {known}"
        )
    return [layer]


def _query(attention, places):
    """The place of the token that looks."""
    if _TOKEN.value is None:
        return places.at(_AT.value)
    query = _TOKEN.value + attention.first
    if query >= len(places):
        last = len(places) - attention.first - 1
        raise UserError(f"--token={_TOKEN.value}: the last that is shown is {last}")
    return query


def _check_flags() -> None:
    """Finds what can be wrong before anything is loaded."""
    if not _OUTPUT.value.lower().endswith((".png", ".html")):
        raise UserError(f"--output={_OUTPUT.value}: name a .html or a .png file")
    if _INPUT.value is not None:
        for flag in (_DATASET, _SPLIT, _PIECE):
            if flag.present:
                raise UserError(f"give --input or --{flag.name}, not both")
    if _TOKEN.value is not None and _AT.value is not None:
        raise UserError("give --token or --at, not both")
    if _AT.value is not None and not 0 <= _AT.value < float("inf"):
        raise UserError(f"--at must be 0 or more, not {_AT.value}")


if __name__ == "__main__":
    run_command(main, __doc__)
