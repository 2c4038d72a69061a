"""The position-wise half of a block."""

import keras


@keras.saving.register_keras_serializable(package="tfmusic")
class FeedForward(keras.layers.Layer):
    """Two dense layers with a nonlinearity between, the same at every position.

    Args:
        intermediate_dim: F, the width in the middle.
        activation: name of a Keras activation.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.3.
    """

    def __init__(self, intermediate_dim, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.activation = activation
        self.supports_masking = True

    def build(self, input_shape):
        self.intermediate_dense = keras.layers.Dense(
            self.intermediate_dim,
            activation=self.activation,
            dtype=self.dtype_policy,
            name="intermediate",
        )
        self.intermediate_dense.build(input_shape)
        self.output_dense = keras.layers.Dense(
            input_shape[-1], dtype=self.dtype_policy, name="output"
        )
        self.output_dense.build((*input_shape[:-1], self.intermediate_dim))
        super().build(input_shape)

    def call(self, x):
        return self.output_dense(self.intermediate_dense(x))  # [B, T, F] inside

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": self.activation,
        }
