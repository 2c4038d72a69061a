"""Token mixers with every kind of memory, for tests of what surrounds a mixer."""

import keras
from keras import ops

from tfmusic.layers import RelativeGlobalAttention, TokenMixer, masks
from tfmusic.models.mixers import MIXERS


@keras.saving.register_keras_serializable(package="tests")
class RunningMean(TokenMixer):
    """The mean of all steps so far: a state and no rows."""

    cache_kinds = ("state",)  # the sum so far, [B, D]

    def build(self, input_shape):
        self.output_dense = keras.layers.Dense(
            input_shape[-1], dtype=self.dtype_policy, name="output"
        )
        self.output_dense.build(input_shape)
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        y, _ = self.extend(x, (ops.zeros_like(x[:, 0]),), 0, features)
        return y

    def init_cache(self, batch_size, max_length, dtype=None):
        dim = self.output_dense.units
        return (ops.zeros((batch_size, dim), dtype or self.compute_dtype),)

    def extend(self, x, cache, position, features=None):
        sums = cache[0][:, None] + ops.cumsum(x, axis=1)  # [B, T, D]
        counts = ops.cast(position + 1 + ops.arange(ops.shape(x)[1]), x.dtype)
        return self.output_dense(sums / counts[:, None]), (sums[:, -1],)


@keras.saving.register_keras_serializable(package="tests")
class VoiceMean(RunningMean):
    """Adds the mean of one's own voice's steps so far.

    It has a state, rows of three axes and of another dtype, and reads a feature.
    """

    cache_kinds = ("state", "rows", "rows")  # [B, D], [B, M, D], int32 [B, M, 1]
    feature_names = ("voice",)

    def call(self, x, features=None, training=None):
        cache = self.init_cache(ops.shape(x)[0], 0)
        return self.extend(x, cache, 0, features)[0]

    def init_cache(self, batch_size, max_length, dtype=None):
        (total,) = super().init_cache(batch_size, max_length, dtype)
        rows = ops.zeros((batch_size, max_length, total.shape[-1]), total.dtype)
        return total, rows, ops.zeros((batch_size, max_length, 1), "int32")

    def extend(self, x, cache, position, features=None):
        total, cached_x, cached_voice = cache
        time, num_rows = ops.shape(x)[1], ops.shape(cached_x)[1]
        voice = features["voice"][..., None]  # [B, T, 1]
        old = voice == ops.transpose(cached_voice, (0, 2, 1))  # [B, T, M]
        old = ops.cast(old & masks.filled_mask(position, ops.arange(num_rows)), x.dtype)
        new = voice == ops.transpose(voice, (0, 2, 1))  # [B, T, T]
        new = ops.cast(new & masks.causal_mask(time), x.dtype)
        counts = ops.sum(old, -1, keepdims=True) + ops.sum(new, -1, keepdims=True)
        own = ops.matmul(old, ops.cast(cached_x, x.dtype)) + ops.matmul(new, x)
        y, (total,) = super().extend(x, (total,), position)
        return y + own / counts, (total, x, voice)


def _pitch_and_time_options(config):
    _, options = MIXERS["relative_global"]
    return {**options(config), "tokens_per_step": 4, "num_pitches": 48}


# As in `tfmusic.models.mixers.MIXERS`; the last is of the house, and reads features.
MEMORY_MIXERS = {
    "running_mean": (RunningMean, lambda config: {}),
    "voice_mean": (VoiceMean, lambda config: {}),
    "pitch_and_time": (RelativeGlobalAttention, _pitch_and_time_options),
}
