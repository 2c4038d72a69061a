"""A block: a token mixer and a feed-forward layer, each with its residual."""

import keras

from tfmusic.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable(package="tfmusic")
class DecoderBlock(keras.layers.Layer):
    """`x + mixer(norm(x))`, then `x + feed_forward(norm(x))`.

    Pre-layer-norm: the residual stream itself is never normalized, and the
    feed-forward layer sees the normalized stream, not the mixer's output alone.

    Args:
        mixer: a `TokenMixer`.
        intermediate_dim: F of the feed-forward layer.
        activation: of the feed-forward layer.
        dropout: rate on each residual branch, in training.

    Reference:
        [Xiong et al., 2020](https://arxiv.org/abs/2002.04745), table 1.
    """

    def __init__(
        self, mixer, intermediate_dim, activation="gelu", dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.mixer = mixer
        self.intermediate_dim = intermediate_dim
        self.activation = activation
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        def norm(name):
            layer = keras.layers.LayerNormalization(
                epsilon=1e-5, dtype=self.dtype_policy, name=name
            )
            layer.build(input_shape)
            return layer

        self.mixer_norm = norm("mixer_norm")
        if not self.mixer.built:
            self.mixer.build(input_shape)
        self.feed_forward_norm = norm("feed_forward_norm")
        self.feed_forward = FeedForward(
            self.intermediate_dim,
            self.activation,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.feed_forward.build(input_shape)
        self.mixer_dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.feed_forward_dropout = keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy
        )
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        y = self.mixer(self.mixer_norm(x), features=features, training=training)
        x = x + self.mixer_dropout(y, training=training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + self.feed_forward_dropout(y, training=training)

    def extend(self, x, cache, position, features=None):
        """The next steps of a sequence: see `TokenMixer.extend`."""
        y, update = self.mixer.extend(self.mixer_norm(x), cache, position, features)
        x = x + y
        return x + self.feed_forward(self.feed_forward_norm(x)), update

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "mixer": keras.saving.serialize_keras_object(self.mixer),
            "intermediate_dim": self.intermediate_dim,
            "activation": self.activation,
            "dropout": self.dropout,
        }

    @classmethod
    def from_config(cls, config):
        mixer = keras.saving.deserialize_keras_object(config["mixer"])
        return cls(**{**config, "mixer": mixer})
