"""Fourier mixing that can generate: sums over the past only."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfmusic.layers import fourier, masks
from tfmusic.layers.token_mixer import TokenMixer

METHODS = ("auto", "matmul", "chirp")
MAX_PERIOD = 46_340  # its square is the largest in int32


@keras.saving.register_keras_serializable(package="tfmusic")
class CausalFourierMixing(TokenMixer):
    """FNet's mixing, with each output summed over what came before it.

    With h the DFT over features of the inputs,

        y_t = sqrt(2 / (D (t + 1))) Re sum_{n <= t} exp(-2 pi i t n / N) h_n

    where the factor keeps outputs at the size of the inputs however many terms there
    are. Steps are counted from 0, and the waves repeat after N of them: to step t,
    steps n and n + N sound alike, and t and t + N listen with the same waves. Nothing
    else happens at N: there is no longest sequence.

    There are no weights to learn. The sums are taken by a matmul with `[T, T]` tables,
    exactly causal, or in O(T log N) by FFTs, causal but for rounding; matmuls run in
    the dtype policy, FFTs in float32. A cache row holds D numbers, half of what
    attention needs, and a step costs two matmuls with the cache.

    Axis letters: `B` batch, `T` time, `D` model, `J` = D/2 + 1 cosine sums, `M` cache
    rows, `N` period.

    Args:
        period: N, after which the waves repeat; as a rule the length of the windows
            in training. Powers of two are the fastest.
        method: "matmul", "chirp" (FFTs), or "auto": matmul where T is known and short
            enough for it to be faster.

    Raises:
        ValueError: the period is not in 1 to 46,340, or the method is unknown.

    Reference:
        Mixing by a DFT over features and time:
        [Lee-Thorp et al., 2021](https://arxiv.org/abs/2105.03824), section 3.2; the
        chirp transform: [Bluestein, 1970](https://doi.org/10.1109/TAU.1970.1162132).
    """

    cache_kinds = ("rows", "rows")  # cosine sums, sine sums over features

    def __init__(self, period, method="auto", **kwargs):
        super().__init__(**kwargs)
        if not 1 <= period <= MAX_PERIOD:
            raise ValueError(f"period must be in 1 to {MAX_PERIOD}, got {period}")
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {method!r}")
        self.period = period
        self.method = method

    def build(self, input_shape):
        self.dim = input_shape[-1]
        self.num_cosines = fourier.num_cosines(self.dim)
        self.matrix = fourier.feature_matrix(self.dim)
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        if self.method_for(x.shape[1]) == "matmul":
            return self._mix_by_matmul(x)
        return self._mix_by_chirp(x)

    def init_cache(self, batch_size, max_length, dtype=None):
        dtype = dtype or self.compute_dtype
        sizes = self.num_cosines, self.dim - self.num_cosines
        return tuple(ops.zeros((batch_size, max_length, size), dtype) for size in sizes)

    def extend(self, x, cache, position, features=None):
        new = self._feature_sums(x)  # [B, T, J] and [B, T, D-J]
        cache = [ops.cast(rows, x.dtype) for rows in cache]  # [B, M, J], [B, M, D-J]
        rows = ops.arange(ops.shape(cache[0])[1])
        steps = ops.arange(x.shape[1])
        times = position + steps  # [T]
        scale = self._scale(times)[:, None]
        old_waves = fourier.waves(times, rows, self.period)
        new_waves = fourier.waves(times, times, self.period)
        filled = ops.cast(masks.filled_mask(position, rows), "float32") * scale
        causal = ops.cast(masks.causal_mask(x.shape[1]), "float32") * scale
        sums = [
            ops.matmul(ops.cast(old_wave * filled, new_rows.dtype), old_rows)
            + ops.matmul(ops.cast(new_wave * causal, new_rows.dtype), new_rows)
            for old_wave, old_rows, new_wave, new_rows in zip(
                old_waves, cache, new_waves, new, strict=True
            )
        ]
        return fourier.combine(*sums), new

    def method_for(self, time):
        """The method that T steps are mixed by; None for a T that is not known."""
        if self.method != "auto":
            return self.method
        if time is None:
            return "chirp"
        # Measured, forward and backward under XLA: at T = N = 512 the matmul takes 0.9
        # times as long as the FFTs, at 1024 it takes 1.3 times.
        padded = -(-time // self.period) * self.period
        return "matmul" if time * time <= 512 * padded else "chirp"

    def _mix_by_matmul(self, x):
        sums = fourier.causal_sums_by_matmul(*self._feature_sums(x), self.period)
        scale = ops.cast(self._scale(ops.arange(ops.shape(x)[1])), x.dtype)[:, None]
        return fourier.combine(*(part * scale for part in sums))

    def _mix_by_chirp(self, x):
        """The same with time as the last axis, where FFTs need it."""
        matrix = ops.cast(self.matrix.T, x.dtype)
        sums = ops.cast(tf.matmul(matrix, x, transpose_b=True), "float32")  # [B, D, T]
        sums = fourier.causal_sums_by_chirp(sums, self.period)
        sums *= self._scale(ops.arange(ops.shape(x)[1]))
        cosine, sine = ops.split(sums, [self.num_cosines], axis=1)
        y = fourier.combine(cosine, sine, axis=1)
        return ops.cast(ops.transpose(y, (0, 2, 1)), x.dtype)  # [B, T, D]

    def _feature_sums(self, x):
        """The DFT over features: cosine sums `[B, T, J]`, sine sums `[B, T, D-J]`."""
        parts = np.split(self.matrix, [self.num_cosines], axis=1)
        return tuple(ops.matmul(x, ops.cast(part, x.dtype)) for part in parts)

    def _scale(self, times):
        """float32 `[T]`: one over the expected size of the sums at these steps."""
        return ops.rsqrt(ops.cast(times + 1, "float32") * (self.dim / 2))

    def get_config(self):
        return {
            **super().get_config(),
            "period": self.period,
            "method": self.method,
        }
