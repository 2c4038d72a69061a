"""Pictures of a training, and that it does not know of them."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.models import make_model
from tfmusic.training import trainer
from tfmusic.training.strategy import get_strategy
from tfmusic.training.watch import Watch, make_watch

PIECES = {"train": make_pieces(40, 80), "validation": make_pieces(0, 32, 12)}
SCORES = {"nats_per_token": 1.5}


class Pictures:
    """A log that keeps them."""

    def __init__(self):
        self.kept = {}

    def write_images(self, step, name, images):
        self.kept[step, name] = images


def watch_of(config, every=1, evaluate_every=10, last_step=100):
    model, pieces = make_model(config), PIECES["validation"]
    return Watch(model, TOKENIZER, pieces, every, evaluate_every, last_step)


def test_samples_and_maps_that_follow_the_weights():
    with get_strategy("mirrored").scope():  # each replica has its own
        watch, log = watch_of(MODEL), Pictures()
    assert np.array_equal(watch.ids, PIECES["validation"].piece(1))  # 0 is empty
    for step in (10, 20):
        watch.after_evaluation(step, SCORES, log)
    names = ("samples/from_nothing", "samples/continuation", "attention")
    assert list(log.kept) == [(step, name) for step in (10, 20) for name in names]
    for images in log.kept.values():
        assert images.dtype == np.uint8 and images.shape[0::3] == (1, 3)
        assert images.min() < 100 < images.max()
    same = [np.array_equal(log.kept[10, x], log.kept[20, x]) for x in names]
    assert same[2] and np.array_equal(
        *(log.kept[step, names[0]][:, 60:] for step in (10, 20))
    ), "the same weights give the same pictures, but for their titles"
    watch.model.set_weights([2 * weight for weight in watch.model.get_weights()])
    watch.after_evaluation(30, SCORES, log)
    assert not np.array_equal(log.kept[10, "attention"], log.kept[30, "attention"])


def test_an_infillers_voices_are_filled():
    watch, log = watch_of(INFILLER), Pictures()
    watch.after_evaluation(10, SCORES, log)
    assert list(log.kept) == [(10, "samples/filled"), (10, "attention")]


def test_where_nothing_attends_there_are_no_maps():
    watch = watch_of(dataclasses.replace(MODEL, mixer="fourier_convolution"))
    watch._samples, log = dict, Pictures()
    watch.after_evaluation(10, SCORES, log)
    assert not log.kept


@pytest.mark.parametrize(
    "every, due",
    [
        (1, [10, 20, 30, 40, 45]),
        (10, [10, 20, 30, 40, 45]),
        (15, [20, 30, 45]),
        (25, [30, 45]),
        (1000, [45]),
    ],
)
def test_when_it_is_due(every, due):
    watch = watch_of(MODEL, every, last_step=45)
    assert [step for step in (10, 20, 30, 40, 45) if watch.is_due(step)] == due


def test_a_config_may_want_none():
    strategy = get_strategy("one_device")
    args = make_model(MODEL), TOKENIZER, PIECES["validation"]
    assert make_watch(*args, TRAIN, strategy) is None
    config = dataclasses.replace(TRAIN, watch_every=3)
    assert make_watch(*args, config, strategy).every == 3


def test_a_training_comes_out_bit_by_bit_the_same(tmp_path):
    strategy = get_strategy("one_device")
    model = dataclasses.replace(MODEL, dropout=0.3)

    def train(name, watch_every):
        config = dataclasses.replace(TRAIN, evaluate_every=2, watch_every=watch_every)
        folder = tmp_path / name
        trainer.train(model, config, TOKENIZER, PIECES, str(folder), strategy)
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        lines = [
            {key: x for key, x in line.items() if key != "tokens_per_second"}
            for line in lines
        ]
        path = tf.train.latest_checkpoint(str(folder / "checkpoints"))
        reader = tf.train.load_checkpoint(path)
        names = set(reader.get_variable_to_shape_map()) - {
            "_CHECKPOINTABLE_OBJECT_GRAPH"
        }
        (events,) = (folder / "logs").iterdir()
        tags = {
            (event.step, value.tag)
            for event in tf.compat.v1.train.summary_iterator(str(events))
            for value in event.summary.value
        }
        return lines, {name: reader.get_tensor(name) for name in names}, tags

    lines, state, tags = train("plain", 0)
    watched_lines, watched_state, watched_tags = train("watched", 1)
    assert watched_lines == lines
    assert watched_state.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(watched_state[name], array, name)
    names = ("samples/from_nothing", "samples/continuation", "attention")
    assert watched_tags - tags == {(step, name) for step in (2, 4) for name in names}
    assert (4, "validation/nats_by/alto") in tags
