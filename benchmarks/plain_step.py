"""A training step as plain Keras code has it, to be measured against."""

import keras
from keras import layers, ops

from tfmusic.config import ModelConfig
from tfmusic.layers.relative import relative_to_absolute


class PlainRelativeAttention(layers.Layer):
    """Relative attention by skewing: three projections, all of `[B, N, T, T]`.

    Args:
        num_heads: N.
        max_length: T at most, each distance with an embedding.
    """

    def __init__(self, num_heads, max_length):
        super().__init__()
        self.num_heads = num_heads
        self.max_length = max_length

    def build(self, shape):
        dim = shape[-1]
        self.key_dim = dim // self.num_heads
        self.dense = [layers.Dense(dim) for _ in range(4)]
        for dense in self.dense:
            dense.build(shape)
        self.table = self.add_weight(
            shape=(self.num_heads, self.max_length, self.key_dim), name="table"
        )

    def call(self, x):
        batch, time, dim = ops.shape(x)

        def heads(dense):
            y = ops.reshape(dense(x), (batch, time, self.num_heads, self.key_dim))
            return ops.transpose(y, (0, 2, 1, 3))  # [B, N, T, H]

        query, key, value = (heads(dense) for dense in self.dense[:3])
        query = query * self.key_dim**-0.5
        table = self.table[:, self.max_length - time :]
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        by_distance = ops.matmul(query, ops.transpose(table, (0, 2, 1)))
        logits = logits + relative_to_absolute(by_distance)
        mask = ops.tril(ops.ones((time, time), "bool"))
        weights = ops.softmax(ops.where(mask, logits, -1e9))
        y = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return self.dense[3](ops.reshape(y, (batch, time, dim)))


def make_plain_step(config: ModelConfig, batch_size: int, jit_compile="auto"):
    """A compiled Keras model's `train_on_batch`, as a function of tokens `[B, T]`."""
    tokens = keras.Input((config.max_length,), batch_size, dtype="int32")
    x = layers.Embedding(config.vocabulary_size, config.hidden_dim)(tokens)
    for _ in range(config.num_layers):
        attention = PlainRelativeAttention(config.num_heads, config.max_length)
        x = x + attention(layers.LayerNormalization()(x))
        y = layers.LayerNormalization()(x)
        y = layers.Dense(config.intermediate_dim, activation=config.activation)(y)
        x = x + layers.Dense(config.hidden_dim)(y)
    x = layers.LayerNormalization()(x)
    model = keras.Model(tokens, layers.Dense(config.vocabulary_size)(x))
    model.compile(
        keras.optimizers.AdamW(1e-3, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    return lambda tokens: float(model.train_on_batch(tokens, tokens))
