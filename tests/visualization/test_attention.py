import dataclasses

import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER, MODEL, TOKENIZER
from tfmusic.models import make_model
from tfmusic.tokenizers import BOS
from tfmusic.visualization.attention import read_attention
from tfmusic.visualization.attention_maps import attention_maps

IDS = TOKENIZER.grid_to_ids([[72, 67, 64, 48]] * 3 + [[71, 67, 62, 55]] * 3)  # 24
HYBRID = dataclasses.replace(
    MODEL, num_layers=3, mixer=("fourier_convolution", "relative_local", "causal")
)


def make(config):
    model = make_model(config)
    goldens.shake(model)
    return model


def test_a_layer_attends_to_what_the_layers_below_made():
    """The last layer's weights, from the model's own parts."""
    model = make(HYBRID)
    attention = read_attention(model, TOKENIZER, IDS, num_tokens=9)
    assert (attention.first, attention.num_places) == (1, 10)
    tokens = np.concatenate([[BOS], IDS[:9]])
    states = TOKENIZER.grammar.states(IDS[:9])
    beat = TOKENIZER.grammar.features(states, tokens)["beat"]
    x = model.token_embedding(tokens[None])
    x = x + model.feature_embeddings["beat"](beat[None])
    for block in model.blocks[:2]:
        x = block(x)
    last = model.blocks[2]
    weights = last.mixer.attention_weights(last.mixer_norm(x))[0]
    np.testing.assert_allclose(attention.layers[2], weights, atol=1e-6)
    for layer in (1, 2):
        np.testing.assert_allclose(attention.layers[layer].sum(axis=-1), 1, rtol=1e-5)
        assert not np.triu(attention.layers[layer], 1).any()


def test_layers_without_weights_are_named():
    attention = read_attention(make(HYBRID), TOKENIZER, IDS)
    assert attention.num_places == MODEL.max_length  # BOS is one of them
    assert attention.with_weights == [1, 2] and attention.layers[0] is None
    assert attention.without_weights == "layer 1 (FourierConvolution)"


@pytest.mark.parametrize("num_tokens, places", [(8, 8), (None, 16)])
def test_an_infiller_sees_both_ways_and_no_bos(num_tokens, places):
    attention = read_attention(make(INFILLER), TOKENIZER, IDS, num_tokens)
    (weights,) = attention.layers
    assert attention.first == 0 and weights.shape == (2, places, places)
    assert np.triu(weights, 1).any()
    assert (weights.sum(axis=-1) <= 1 + 1e-5).all()  # what lies past the end has some


def test_maps_show_the_weights_where_they_belong():
    attention = read_attention(make(HYBRID), TOKENIZER, IDS)
    (axes,) = attention_maps(attention).axes
    (image,) = axes.get_images()
    tiled = image.get_array() ** 2
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "layer 2",
        "layer 3",
    ]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["head 1", "head 2"]
    for row, layer in enumerate((1, 2)):
        for head in range(2):
            part = tiled[17 * row : 17 * row + 16, 17 * head : 17 * head + 16]
            np.testing.assert_allclose(part, attention.layers[layer][head], atol=1e-6)
