"""Many steps in a call, and shares of a batch: the same numbers, traced once."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.errors import UserError
from tfmusic.training import run, trainer
from tfmusic.training.execution import Execution, sum_over_replicas
from tfmusic.training.step import TrainStep
from tfmusic.training.strategy import get_strategy

PIECES = {
    "train": make_pieces(40, 80, 20),
    "validation": make_pieces(20, 36, seed=1),
}


def train(folder, strategy="one_device", **changes):
    """The lines of a training's log: the same numbers where it is the same training."""
    config = dataclasses.replace(TRAIN, **changes)
    strategy = get_strategy(strategy)
    trainer.train(MODEL, config, TOKENIZER, PIECES, str(folder), strategy)
    lines = map(json.loads, (folder / run.METRICS).read_text().splitlines())
    return [{**line, "tokens_per_second": None} for line in lines]


@pytest.fixture
def traces(monkeypatch):
    """The numbers of rows of the steps that were traced."""
    rows = []
    train_step = TrainStep.train_step

    def counted(self, batch):
        rows.append(batch[1].shape[0])
        return train_step(self, batch)

    monkeypatch.setattr(TrainStep, "train_step", counted)
    return rows


def test_a_call_gives_the_numbers_of_each_step():
    strategy = get_strategy("mirrored")
    batches = tf.data.Dataset.range(100).map(lambda x: tf.cast(x, tf.float32))

    def step(number):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        replica = tf.cast(replica, tf.float32)
        return number, 10 * number, replica

    iterator = iter(strategy.distribute_datasets_from_function(lambda _: batches))
    execute = Execution(strategy, step, iterator)
    # Each replica takes the next element.
    nats, tokens, norm, told = execute(3)
    assert nats.numpy().tolist() == [0 + 1, 2 + 3, 4 + 5]
    assert tokens.numpy().tolist() == [10, 50, 90]
    assert norm.numpy().tolist() == [0.5] * 3
    assert told.numpy().tolist() == [0] * 3
    nats, _, _, told = execute(1, told_to_end=True)
    assert nats.numpy().tolist() == [6 + 7] and told.numpy().tolist() == [2]


def test_several_steps_a_call_change_no_number_and_stop_where_something_is_due(
    tmp_path, traces
):
    options = {"steps": 14, "evaluate_every": 6, "checkpoint_every": 4, "log_every": 5}
    expected = train(tmp_path / "one", **options)
    assert len(traces) == 1  # the evaluations in between change nothing
    lines = train(tmp_path / "many", steps_per_execution=9, **options)
    assert len(traces) == 2
    assert lines == expected
    assert [line["step"] for line in lines if line["on"] == "train"] == (
        [4, 5, 6, 8, 10, 12, 14]
    )


def test_two_devices_and_micro_batches_learn_what_one_device_learns(tmp_path, traces):
    options = {"steps": 4, "evaluate_every": 2, "checkpoint_every": 2, "log_every": 1}
    options |= {"clip_norm": 0.1, "ema": 0.9}
    one = train(tmp_path / "one", **options)
    two = train(tmp_path / "two", "mirrored", accumulation=2, **options)
    assert traces == [4, 2, 2]  # one on each device
    for line, other in zip(one, two, strict=True):
        assert line.keys() == other.keys()
        for name in {"nats_per_token", "gradient_norm", "accuracy"} & line.keys():
            assert other[name] == pytest.approx(line[name], rel=1e-5)
    best = [
        run.load_run(str(tmp_path / name)).model.get_weights()
        for name in ("one", "two")
    ]
    for array, other in zip(*best, strict=True):
        np.testing.assert_allclose(array, other, atol=1e-5)


@pytest.mark.parametrize("name", ["one_device", "mirrored"])
def test_shares_of_a_batch_add_up(name):
    def function(inputs, weights):
        return tf.stack([tf.reduce_sum(inputs["x"]), tf.reduce_sum(weights)])

    batch = ({"x": tf.range(12.0)[:, None]}, tf.ones([12, 3]))
    run = sum_over_replicas(function, get_strategy(name), xla=False)
    assert run(*batch).numpy().tolist() == [66, 36]


def test_batches_have_static_shapes():
    # What a TPU needs; a dynamic one would also make every step ask for the end.
    strategy = get_strategy("mirrored")
    config = dataclasses.replace(TRAIN, batch_size=6)
    model = tf.Module()
    model.kind, model.feature_names = "decoder", ("beat",)
    for packing in False, True:
        options = dataclasses.replace(config, packing=packing)
        batches = trainer._batches(
            PIECES["train"], model, TOKENIZER, options, strategy, 0
        )
        for spec in tf.nest.flatten(batches.element_spec, expand_composites=True):
            assert spec.shape == [3, 16]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"accumulation": 3}, "4 does not divide into 1 replicas x 3 micro-batches"),
        ({"accumulation": 0}, "accumulation=0"),
        ({"steps_per_execution": 0}, "steps_per_execution=0"),
    ],
)
def test_what_cannot_be_divided_is_one_line(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path / "run", **options)
