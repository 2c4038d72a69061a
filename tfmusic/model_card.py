"""The card of a model that tfmusic comes with: what report.json says, in words."""

import json
import os
import textwrap

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets import registry
from tfmusic.files import write_text
from tfmusic.pretrained import REPORT
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run

CARD = "MODEL_CARD.md"


def write_card(folder: str) -> None:
    """Writes MODEL_CARD.md of the report and the settings beside it."""
    with open(os.path.join(folder, REPORT), encoding="utf-8") as file:
        report = json.load(file)
    card = model_card(report, *run.read_settings(folder))
    write_text(os.path.join(folder, CARD), card)


def model_card(
    report: dict, model: ModelConfig, train: TrainConfig, tokenizer: ChoraleTokenizer
) -> str:
    """The card as Markdown; every number is one of its arguments'."""
    name, splits = report["name"], ("validation", "test")
    data = registry.get_dataset(train.dataset)
    commands = "\n".join(report["training"])
    mixers = "\n".join(
        [model.mixer] * model.num_layers
        if isinstance(model.mixer, str)
        else model.mixer
    )
    keys = report["keys"]
    rows = "\n".join(
        f"| {split} | {passes} | {scores['num_pieces']} | {scores['num_tokens']:,} "
        f"| **{scores['nats_per_token']:.4f}** | {scores['nats_per_note']:.3f} "
        f"| {scores['accuracy']:.1%} |"
        for passes, of in (("one", report), (f"{keys} keys", report["in_keys"]))
        for split, scores in ((split, of[split]) for split in splits)
    )
    averaged = f"averaged with decay {train.ema:g}, " if train.ema else ""
    text = f"""# {name}

A decoder that writes and continues four-part chorales, token by token. It comes with
tfmusic:

```sh
python -m tfmusic.generate --model_dir={name} --output=chorale.mid
```

```python
run = tfmusic.from_pretrained("{name}")
```

## What it scores

Of the data set `{train.dataset}`:

| split | passes | pieces | tokens | nats per token | nats per note | accuracy |
|---|---|---:|---:|---:|---:|---:|
{rows}

Nats per token: the sum, over all tokens of a split, of minus the natural logarithm of
the probability that the model gave the token, divided by their number. A token is what
one voice sounds at one 16th, or a rest; voices go from soprano to bass, then comes the
next 16th. Each token is scored once, given what came before it in its piece, at most
{model.max_length:,} tokens (windows begin {report["validation"]["stride"]:,} apart). A
piece's end is not counted. The weights were chosen by the validation split, in float32
({report["validation_float32"]:.4f} there, in one pass). {_mean(report)}Its logits were
then divided by a temperature of {report["temperature"]:g}, at which that split is
likeliest ([Guo et al., 2017](https://arxiv.org/abs/1706.04599)). The table is of the
weights that came of it, in float16:

```sh
python -m tfmusic.evaluate --model_dir={name} --dataset={train.dataset} \\
  --input=jsb.zip --split=validation --keys={keys}
```

With `--keys={keys}` a probability is the mean of those that the model gives the same
music in {keys} keys, by 0, -1, 1, -2, ... semitones: the music is transposed, what is
expected of it transposed back. It depends on what came before alone, as in one pass,
and takes {keys} times as long. Music is generated in one pass.

{_unseen(report)}

## How it was trained

{model.num_layers} layers, from the lowest to the highest:

```
{mixers}
```

{report["parameters"]:,} parameters: hidden {model.hidden_dim}, feed-forward
{model.intermediate_dim}, {model.num_heads} heads. Windows of {train.length:,} tokens,
transposed by up to {train.transpose} semitones. The weights are {averaged}of step
{report["step"]:,}, in float16. It took {report["hours"]:g} hours on
{report["hardware"]}:

```sh
{commands}
```

## Data and licences

[The data]({data.homepage}): {data.description} {data.license}
It is not part of the package. Of its standard splits, `train` alone was trained on. The
weights are under the package's licence, Apache 2.0.

## Limits

- Four voices, always: soprano, alto, tenor, bass, pitches {tokenizer.min_pitch} to
  {tokenizer.max_pitch}. No text, no instruments, no dynamics, one tempo.
- The grid of 16ths: no triplets, nothing shorter.
- A repeated note and a held one are the same tokens; in the MIDI file it is held.
- It hears at most the last {model.max_length:,} tokens: {model.max_length // 64} bars
  of 4/4.
- It writes in one style, that of Bach's chorales, and may repeat what it was trained
  on. `python -m tfmusic.evaluate --music --model_dir={name} --input=jsb.zip` shows its
  longest repetitions beside those of real music.
"""
    return "\n\n".join(map(_filled, text.strip().split("\n\n"))) + "\n"


def _filled(block):
    """A paragraph or a list with lines of one length; all else as it is."""
    if block.startswith(("#", "|", "```")):
        return block
    items = block.split("\n- ")
    rest = [f"- {item}" for item in items[1:]]
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            width=88,
            subsequent_indent="  " if item.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in (items[0], *rest)
    )


def _mean(report: dict) -> str:
    """What was done with another run's weights, if anything."""
    if not report["mean_weight"]:
        return ""
    return (
        f"They became the mean of these ({1 - report['mean_weight']:g}) and an earlier "
        f"training's weights ({report['mean_weight']:g}).\n"
    )


def _unseen(report):
    """What it scores on pieces of other data that share nothing with its training."""
    lines = [
        f"- `{dataset}` {split}: {scores['nats_per_token']:.4f} nats per token "
        f"({scores['num_pieces']} pieces, {scores['num_tokens']:,} tokens)"
        for dataset, splits in report["unseen"].items()
        for split, scores in sorted(splits.items(), reverse=True)
    ]
    return (
        "Other encodings of the same music are no test: most pieces of the built-in "
        "chorales\nshare passages with its training. On those that share none "
        f"(`--unseen_by={report['name']}`):\n\n" + "\n".join(lines)
    )
