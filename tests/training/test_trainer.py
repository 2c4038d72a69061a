"""The loop as a whole: where it stops, goes on, is told apart, and what it leaves."""

import dataclasses
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

from tests.memory_mixers import MEMORY_MIXERS
from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder, mixers
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run, trainer
from tfmusic.training.interruption import Interruption
from tfmusic.training.lock import run_lock
from tfmusic.training.losses import Losses
from tfmusic.training.objectives import OBJECTIVES
from tfmusic.training.step import make_optimizer
from tfmusic.training.strategy import get_strategy

PIECES = {
    "train": make_pieces(40, 80, 20),
    "validation": make_pieces(20, 36, seed=1),
}
DROPOUT = dataclasses.replace(MODEL, dropout=0.3)


def train(
    folder,
    model=DROPOUT,
    strategy="one_device",
    pieces=PIECES,
    watch=None,
    **changes,
):
    config = dataclasses.replace(TRAIN, **changes)
    strategy = get_strategy(strategy)
    return trainer.train(model, config, TOKENIZER, pieces, str(folder), strategy, watch)


def weights(folder):
    """The best ones."""
    return run.load_run(str(folder)).model.get_weights()


def state(folder):
    """All that the latest checkpoint holds, by name."""
    path = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    return {name: reader.get_tensor(name) for name in names}


def metrics(folder, on):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["on"] == on]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The folder of a training of 4 steps, looked at in each, and what it returned."""
    folder = tmp_path_factory.mktemp("trainer") / "unbroken"
    return folder, train(folder, checkpoint_every=1)


class Scores:
    """An Evaluator whose scores are set beforehand; keeps the weights it is given."""

    def __init__(self, *nats):
        self.nats = iter(nats)
        self.weights = []

    def __call__(self, model, *_, **__):
        def score(log=None):
            self.weights.append(model.get_weights())
            return {"nats_per_token": next(self.nats), "accuracy": 0.5}

        return score


def use_evaluator(monkeypatch, evaluator):
    objective = dataclasses.replace(OBJECTIVES["decoder"], evaluator=evaluator)
    monkeypatch.setitem(OBJECTIVES, "decoder", objective)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    unbroken, tmp_path, capsys, monkeypatch
):
    use_evaluator(monkeypatch, Scores(1.0, 2.0))
    train(tmp_path, steps=2, checkpoint_every=1)
    assert "from step" not in capsys.readouterr().out
    best = weights(tmp_path)
    assert train(tmp_path, steps=4, checkpoint_every=1)["step"] == 2
    assert ", from step 2\n" in capsys.readouterr().out
    stopped, whole = state(tmp_path), state(unbroken[0])
    assert stopped.keys() == whole.keys()
    for name, array in stopped.items():
        np.testing.assert_array_equal(array, whole[name], name)
    # The best of before is not forgotten.
    for array, other in zip(weights(tmp_path), best, strict=True):
        np.testing.assert_array_equal(array, other)
    names = ("step", "nats_per_token", "gradient_norm", "learning_rate")
    stopped, whole = (
        [[line[name] for name in names] for line in metrics(folder, "train")]
        for folder in (tmp_path, unbroken[0])
    )
    assert stopped == whole
    assert run.read_settings(str(tmp_path))[1].steps == 4


def test_what_a_run_leaves(unbroken):
    folder, result = unbroken
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "tokenizer.json", "metrics.jsonl"),
        *("best", "checkpoints", "logs"),
    }
    assert run.read_settings(str(folder))[:2] == (
        DROPOUT,
        dataclasses.replace(TRAIN, checkpoint_every=1),
    )
    latest = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    assert os.path.basename(latest) == "ckpt-4"
    assert [line["step"] for line in metrics(folder, "train")] == [1, 2, 3, 4]
    (validation,) = metrics(folder, "validation")
    best = run.read_best(str(folder))
    assert validation == {"on": "validation", **best}
    assert (best["step"], best["num_tokens"], best["num_pieces"]) == (4, 56, 2)
    assert result == {
        **best,
        "parameters": sum(array.size for array in weights(folder)),
        "tokens_per_second": result["tokens_per_second"],
    }
    assert result["tokens_per_second"] > 0


def test_tensorboard_shows_the_same_numbers(unbroken):
    folder, _ = unbroken
    shown = {}
    for path in (folder / "logs").iterdir():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                number = float(tf.make_ndarray(value.tensor))
                shown[event.step, value.tag] = number
    for on in "train", "validation":
        for line in metrics(folder, on):
            numbers = {k: v for k, v in line.items() if not isinstance(v, dict | str)}
            for name in numbers.keys() - {"step"}:
                expected = pytest.approx(line[name], rel=1e-6)
                assert shown[line["step"], f"{on}/{name}"] == expected
            for name, value in line.get("nats_by", {}).items():
                expected = pytest.approx(value, rel=1e-6)
                assert shown[line["step"], f"{on}/nats_by/{name}"] == expected


def test_a_finished_run_has_nothing_left_to_do(unbroken):
    folder, result = unbroken
    before = (folder / "metrics.jsonl").read_text()
    again = train(folder, checkpoint_every=1)
    assert again == {**result, "tokens_per_second": 0}
    assert (folder / "metrics.jsonl").read_text() == before


def test_two_devices_learn_what_one_learns(tmp_path):
    folders = {}
    for strategy in "one_device", "mirrored":
        folders[strategy] = tmp_path / strategy
        train(
            folders[strategy],
            MODEL,
            strategy,
            steps=3,
            checkpoint_every=1,
            clip_norm=0.1,
            label_smoothing=0.1,
            xla=True,
        )
    one, two = (metrics(folder, "train") for folder in folders.values())
    assert min(line["gradient_norm"] for line in one) > 0.2  # so clipping acts
    for line, other in zip(one, two, strict=True):
        for name in "nats_per_token", "gradient_norm":
            assert other[name] == pytest.approx(line[name], rel=1e-5)
    for array, other in zip(*map(weights, folders.values()), strict=True):
        np.testing.assert_allclose(array, other, atol=1e-5)


class Watch:
    """Takes note of what it is shown."""

    def __init__(self):
        self.seen = []

    def after_evaluation(self, step, scores, log):
        self.seen.append((step, scores["nats_per_token"]))
        log.write_images(step, "picture", np.zeros([1, 2, 2, 3], np.uint8))


def test_the_best_weights_are_kept_and_all_are_watched(tmp_path, monkeypatch):
    scores, watch = Scores(2.0, 1.0, 3.0, 1.5), Watch()
    use_evaluator(monkeypatch, scores)
    result = train(tmp_path, evaluate_every=1, watch=watch)
    assert watch.seen == [(1, 2.0), (2, 1.0), (3, 3.0), (4, 1.5)]
    expected = {"step": 2, "nats_per_token": 1.0, "accuracy": 0.5}
    assert run.read_best(str(tmp_path)) == expected
    assert result.items() >= expected.items()
    for array, other in zip(weights(tmp_path), scores.weights[1], strict=True):
        np.testing.assert_array_equal(array, other)


def test_weights_whose_score_is_not_finite_are_never_the_best(tmp_path, monkeypatch):
    use_evaluator(monkeypatch, Scores(float("nan")))
    with pytest.raises(UserError, match="not finite at step 1"):
        train(tmp_path, steps=1)
    assert run.read_best(str(tmp_path)) is None
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()


def test_a_signal_saves_and_the_run_goes_on_as_if_there_had_been_none(
    unbroken, tmp_path, monkeypatch, capsys
):
    add = Losses.add

    def add_and_signal(self, *numbers):
        add(self, *numbers)
        signal.raise_signal(signal.SIGTERM)

    options = {"checkpoint_every": 3, "log_every": 4, "ema": 0.9}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(whole, **options)
    with monkeypatch.context() as patch:
        patch.setattr(Losses, "add", add_and_signal)
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(Interruption, match="SIGTERM at step 1") as error:
            train(broken, **options)
        assert error.value.exit_code == 75
        assert signal.getsignal(signal.SIGTERM) is handler
    assert [line["step"] for line in metrics(broken, "interruption")] == [1]
    train(broken, **options)
    for on in "train", "validation":
        lines, others = metrics(whole, on), metrics(broken, on)
        for line in (*lines, *others):
            line.pop("tokens_per_second", None)
        assert lines == others
    for name, array in state(whole).items():
        np.testing.assert_array_equal(state(broken)[name], array, name)


def test_a_signal_in_an_evaluation_does_not_wait_for_it(tmp_path, monkeypatch):
    class Interrupted(Scores):
        def __call__(self, model, *_, **__):
            def score(log):
                next(self.nats)
                signal.raise_signal(signal.SIGINT)
                log("half of it")
                raise AssertionError

            return score

    use_evaluator(monkeypatch, Interrupted(1.0))
    with pytest.raises(Interruption, match="SIGINT at step 2") as error:
        train(tmp_path, evaluate_every=2, ema=0.5)
    assert error.value.exit_code == 130
    assert not metrics(tmp_path, "validation")
    scores = Scores(1.0, 2.0)
    use_evaluator(monkeypatch, scores)
    train(tmp_path, evaluate_every=2, ema=0.5)  # the evaluation that it owes is first
    assert [line["step"] for line in metrics(tmp_path, "validation")] == [2, 4]


def test_the_average_is_what_is_evaluated_and_kept(tmp_path, monkeypatch):
    scores = Scores(1.0)
    use_evaluator(monkeypatch, scores)
    train(tmp_path, ema=0.9)
    kept = state(tmp_path)
    averages = [
        kept[f"average/averages/{index}/.ATTRIBUTES/VARIABLE_VALUE"]
        for index in range(sum(name.startswith("average/averages/") for name in kept))
    ]
    for arrays in weights(tmp_path), scores.weights[0]:
        for array, average in zip(arrays, averages, strict=True):
            np.testing.assert_array_equal(array, average)
    assert run.load_run(str(tmp_path)).train_config.ema == 0.9


def test_a_run_that_begins_with_anothers_weights(unbroken, tmp_path):
    source = str(unbroken[0])
    # At a rate of nothing, the best weights are the first.
    train(tmp_path, init_from=source, learning_rate=1e-30, ema=0.9)
    for array, other in zip(weights(tmp_path), weights(unbroken[0]), strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-6)
    # Once there is a checkpoint, it is not looked at.
    train(tmp_path, init_from="gone", learning_rate=1e-30, ema=0.9, steps=5)


@pytest.mark.parametrize(
    "source, message", [("gone", "init_from=.*: no weights there"), ("", "not fit")]
)
def test_weights_that_are_not_there_or_do_not_fit(unbroken, tmp_path, source, message):
    source = str(unbroken[0] / source)
    model = dataclasses.replace(DROPOUT, hidden_dim=12)
    with pytest.raises(UserError, match=message):
        train(tmp_path / "run", model, init_from=source)
    assert not os.listdir(tmp_path)


def spoil_batch(monkeypatch, step):
    """The weights of a step's batch become NaN."""
    make = trainer.training_batches

    def batches(windows, first_step, **options):
        dataset = make(windows, first_step=first_step, **options)
        return dataset.enumerate(first_step + 1).map(
            lambda number, batch: (
                *batch[:2],
                batch[2] * tf.where(number == step, np.nan, np.float32(1)),
            )
        )

    monkeypatch.setattr(trainer, "training_batches", batches)


def test_steps_that_are_not_finite_can_be_left_out(tmp_path, monkeypatch, capsys):
    spoil_batch(monkeypatch, 2)
    train(tmp_path, skip_non_finite=True, log_every=1, checkpoint_every=1)
    assert "step 2: 1 steps skipped, " in capsys.readouterr().out
    lines = metrics(tmp_path, "train")
    assert [line["skipped"] for line in lines] == [0, 1, 0, 0]
    assert ["nats_per_token" in line for line in lines] == [True, False, True, True]
    assert all(np.isfinite(array).all() for array in state(tmp_path).values())
    # It goes on at the step that comes, not at the number of updates.
    monkeypatch.undo()
    train(tmp_path, skip_non_finite=True, log_every=1, steps=5)
    assert [line["step"] for line in metrics(tmp_path, "train")] == [1, 2, 3, 4, 5]


def test_no_state_that_is_not_finite_is_saved(tmp_path, monkeypatch):
    spoil_batch(monkeypatch, 3)
    with pytest.raises(UserError, match="not finite at step 3 .gradient norm nan, lea"):
        train(tmp_path, log_every=4, checkpoint_every=2)
    latest = tf.train.latest_checkpoint(str(tmp_path / "checkpoints"))
    assert os.path.basename(latest) == "ckpt-2"
    assert all(np.isfinite(array).all() for array in state(tmp_path).values())


def test_a_folder_that_gets_lost_ends_the_training_with_a_line(tmp_path, monkeypatch):
    class Losing(Scores):
        def __call__(self, *_, **__):
            def score(log):
                shutil.rmtree(tmp_path / "run")
                return {"nats_per_token": next(self.nats), "accuracy": 0.5}

            return score

    use_evaluator(monkeypatch, Losing(1.0))
    with pytest.raises(UserError, match="run is gone, or its config.json") as error:
        train(tmp_path / "run", evaluate_every=1)
    assert "\n" not in str(error.value)
    assert not os.listdir(tmp_path)


def test_a_folder_that_another_process_trains_in(tmp_path):
    with (
        run_lock(str(tmp_path)),
        pytest.raises(UserError, match="is being trained by process "),
    ):
        train(tmp_path)
    assert not os.listdir(tmp_path)


def test_a_training_that_diverges_ends_with_a_line(tmp_path):
    with pytest.raises(
        UserError, match="the loss is not finite at step [234]"
    ) as error:
        train(tmp_path, learning_rate=4e30, warmup_steps=4, checkpoint_every=1)
    assert "\n" not in str(error.value)
    named = re.search(r"step (\d) .*learning rate (\S+)\)", str(error.value))
    assert float(named[2]) == float(named[1]) * 1e30
    assert [line["step"] for line in metrics(tmp_path, "train")][-1] < 4


@pytest.mark.parametrize("lost", ["best", "metrics.jsonl"])
def test_an_evaluation_that_was_cut_short_comes_first(tmp_path, unbroken, lost):
    shutil.copytree(unbroken[0], tmp_path, dirs_exist_ok=True)
    if lost == "best":
        shutil.rmtree(tmp_path / lost)
    else:
        (tmp_path / lost).unlink()
        (tmp_path / "best" / "best.json").write_text('{"nats_per_token": 9}')
    result = train(tmp_path, steps=3, checkpoint_every=1)
    assert {**result, "tokens_per_second": 0} == {**unbroken[1], "tokens_per_second": 0}
    assert run.read_best(str(tmp_path)) == run.read_best(str(unbroken[0]))


def test_checkpoints_of_another_model_are_refused(tmp_path, unbroken):
    shutil.copytree(unbroken[0] / "checkpoints", tmp_path / "checkpoints")
    for changes in (
        {"num_layers": 2},
        {"hidden_dim": 12},
        {"features": {}},
        {"positions": "learned"},
    ):
        with pytest.raises(UserError, match="ckpt-4 does not hold this run's model"):
            train(tmp_path, dataclasses.replace(DROPOUT, **changes))
    assert os.listdir(tmp_path) == ["checkpoints"]


@pytest.mark.parametrize("parts", [("model",), ("model", "optimizer", "average")])
def test_checkpoints_that_hold_less_or_more_are_refused(tmp_path, parts):
    model = MusicDecoder(**dataclasses.asdict(DROPOUT))
    optimizer = make_optimizer(TRAIN)
    optimizer.build(model.trainable_variables)
    objects = {"model": model, "optimizer": optimizer, "average": tf.Variable(0.0)}
    checkpoint = tf.train.Checkpoint(**{part: objects[part] for part in parts})
    tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), 1).save()
    with pytest.raises(UserError, match="ckpt-1 does not hold this run's model"):
        train(tmp_path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"length": 17}, "windows of 17"),
        ({"strategy": "mirrored", "batch_size": 3}, "2 replicas"),
        ({"model": dataclasses.replace(MODEL, num_heads=3)}, "num_heads 3"),
        ({"model": dataclasses.replace(MODEL, mixer="none")}, "unknown mixer 'none'"),
        ({"pieces": {**PIECES, "train": make_pieces()}}, "no notes"),
        ({"pieces": {**PIECES, "validation": make_pieces()}}, "no notes"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_behind(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path / "run", **options)
    assert not os.listdir(tmp_path)


def test_a_mixer_gets_the_features_that_it_reads_or_a_line_says_why(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
    model = dataclasses.replace(MODEL, mixer="voice_mean", features={})
    best = train(tmp_path / "run", model=model, steps=1)
    assert best["step"] == 1 and run.load_run(str(tmp_path / "run")).model
    monkeypatch.setattr(MEMORY_MIXERS["voice_mean"][0], "feature_names", ("pedal",))
    with pytest.raises(UserError, match="read the feature 'pedal'"):
        train(tmp_path / "other", model=model, steps=1)
    assert not (tmp_path / "other").exists()


def test_another_runs_folder_is_left_as_it_was(unbroken):
    folder, _ = unbroken

    def content():
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files}

    before = content()
    with pytest.raises(UserError, match="dropout=0.3, not 0.0"):
        train(folder, MODEL)
    with pytest.raises(UserError, match="batch_size=4, not 2"):
        train(folder, batch_size=2)
    other = ChoraleTokenizer(min_pitch=35)
    with pytest.raises(UserError, match=f"{TOKENIZER.hash}.*{other.hash}"):
        trainer.train(
            *(DROPOUT, TRAIN, other, PIECES, str(folder), get_strategy("auto"))
        )
    assert content() == before
