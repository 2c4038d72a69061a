import numpy as np
import pytest

from tfmusic.errors import UserError
from tfmusic.export.inference_model import inference_model
from tfmusic.tokenizers import ChoraleTokenizer


def test_a_float32_model_is_used_as_it_is(make, tokenizer):
    model = make()
    assert inference_model(model) is model
    assert inference_model(model, tokenizer) is model


def test_a_bfloat16_model_is_copied_with_its_weights(make):
    model = make(dtype="mixed_bfloat16")
    copy = inference_model(model)
    assert copy.dtype_policy.compute_dtype == "float32"
    assert copy.config == model.config
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_tokenizer_is_refused(make):
    wider = ChoraleTokenizer(min_pitch=30)
    with pytest.raises(UserError, match=f"the model has 50 ids, .*{wider.hash}"):
        inference_model(make(), wider)


def test_what_a_mixer_reads_and_the_tokenizer_lacks_is_refused(
    make, tokenizer, monkeypatch
):
    model = make()
    mixer = type(model.blocks[0].mixer)
    monkeypatch.setattr(mixer, "feature_names", ("pedal",))
    with pytest.raises(UserError, match="mixers read the feature pedal, tokenizer ch"):
        inference_model(model, tokenizer)


def test_features_that_the_tokenizer_lacks_are_refused(make, tokenizer):
    with pytest.raises(UserError, match="takes the feature beat of 3 values"):
        inference_model(make(features={"beat": 3}), tokenizer)
