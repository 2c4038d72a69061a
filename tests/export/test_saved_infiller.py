import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tfmusic.errors import UserError
from tfmusic.export import saved_model
from tfmusic.models import ChoraleInfiller


def make(tokenizer, dtype=None):
    """Fourier mixing below and attention on top."""
    model = ChoraleInfiller(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=24,
        max_length=12,
        mixer=("fourier", "full"),
        features={"voice": 5, "beat": 17},
        dtype=dtype,
    )
    goldens.shake(model)
    return model


def test_an_infiller_has_the_logits_of_its_windows(tmp_path, tokenizer):
    model = make(tokenizer)
    model.save(tmp_path / "saved", tokenizer=tokenizer)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert list(loaded.signatures) == ["serving_default"]
    extra = tmp_path / "saved" / saved_model.EXTRA
    assert (extra / "tokenizer.json").read_text() == tokenizer.to_json()
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.integers(0, size, (3, model.max_length)).astype(np.int32)
        for name, size in (("tokens", 50), ("voice", 5), ("beat", 17))
    }
    function = loaded.signatures["serving_default"]
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    logits = function(**tensors)["logits"]
    np.testing.assert_allclose(logits, model(inputs), atol=1e-5)
    shapes = {x.shape[1] for x in tf.nest.flatten(function.structured_input_signature)}
    assert shapes == {model.max_length}
    with pytest.raises(UserError, match="holds an infiller"):
        saved_model.load(tmp_path / "saved")


def test_bfloat16_models_are_saved_in_float32(tmp_path, tokenizer):
    model = make(tokenizer, dtype="mixed_bfloat16")
    model.save(tmp_path / "saved")
    (logits,) = tf.saved_model.load(str(tmp_path / "saved")).signatures.values()
    zeros = np.zeros([1, model.max_length], np.int32)
    inputs = {name: zeros for name in ("tokens", "voice", "beat")}
    copy = make(tokenizer)
    copy.set_weights(model.get_weights())
    actual = logits(**{name: tf.constant(x) for name, x in inputs.items()})["logits"]
    np.testing.assert_allclose(actual, copy(inputs), atol=1e-5)
