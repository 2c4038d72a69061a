"""Causal Fourier mixing by lag: gated convolution with Fourier-series kernels."""

import math

import keras
import numpy as np
from keras import ops

from tfmusic.layers.convolution import causal_convolution
from tfmusic.layers.held_notes import held_steps
from tfmusic.layers.token_mixer import TokenMixer


@keras.saving.register_keras_serializable(package="tfmusic")
class FourierConvolution(TokenMixer):
    """Each feature listens to the past through a learned short-time spectrum.

    `y = output(gate * sum_{s <= t} k(t - s) (gate'_s * value_s))`, where gates and
    values are projections of the input and each feature has a kernel of its own,

    `k(lag) = sum over windows w, waves j of exp(-lag / w)
    (a_wj cos(2 pi j lag / period) + b_wj sin(2 pi j lag / period))`:

    a Fourier series of one period, learned for every window and fading with it.
    Being a function of the lag, it means the same at every position, which the
    phases `t * n` of a Fourier transform over time do not; windows let near tokens
    be heard among many; gates let what is said decide what is heard.

    A whole sequence takes O(T log T), by FFT. Decoding keeps no past tokens but
    their running short-time Fourier transform, whose size and whose cost a step do
    not depend on how much was heard; so no length is too long.

    Where tokens stand on a grid, `tokens_per_step` adds to the input an embedding of
    how many steps the token's voice has held its pitch, and reads the feature `pitch`:
    a sum over the past can hear which notes there were, but not that they were equal.

    Axis letters: `B` batch, `T` time, `D` model, `W` windows, `P` period,
    `J = W (P // 2 + 1)` damped waves, `H` steps a pitch is held, `V` tokens of a step.
    Convolution and memory are float32 in every dtype policy.

    Args:
        period: lags of the longest wave; a bar, where the music has bars of one
            length. All kernels of this length can be learned.
        windows: for each window the lags after which it has fallen to 1/e.
        tokens_per_step: V, or None for no embedding of held notes.
        max_held: H, the most steps that are told apart.

    Reference:
        [Lee-Thorp et al., 2021](https://arxiv.org/abs/2105.03824) mixes tokens by a
        Fourier transform; [Poli et al., 2023](https://arxiv.org/abs/2302.10866),
        section 3, by gated long convolutions;
        [Gu et al., 2022](https://arxiv.org/abs/2206.11893), section 3, gives their
        kernels as sums of damped waves, computed step by step.
    """

    def __init__(
        self,
        period=64,
        windows=(8.0, 64.0, 512.0),
        tokens_per_step=None,
        max_held=16,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if period < 1:
            raise ValueError(f"period must be at least 1, got {period}")
        if not windows or min(windows) <= 0:
            raise ValueError(f"windows must be positive lengths, got {windows}")
        for name, value in (
            ("tokens_per_step", tokens_per_step),
            ("max_held", max_held),
        ):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self.period = period
        self.windows = tuple(float(window) for window in windows)
        self.tokens_per_step = tokens_per_step
        self.max_held = max_held

    @property
    def cache_kinds(self):
        """Real and imaginary parts of the transform, and the last pitches."""
        return ("state",) * (3 if self.tokens_per_step else 2)

    @property
    def feature_names(self):
        return ("pitch",) if self.tokens_per_step else ()

    def build(self, input_shape):
        dim = input_shape[-1]

        def dense(units, name):
            layer = keras.layers.Dense(
                units,
                kernel_initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build(input_shape)
            return layer

        self.input_dense = dense(3 * dim, "input")
        self.output_dense = dense(dim, "output")
        # Of a period's P waves, first the cosines, then the sines that are not zero.
        self.spectrum = self.add_weight(
            name="spectrum",
            shape=(len(self.windows), self.period, dim),
            initializer=self._initial_spectrum,
        )
        if self.tokens_per_step:
            self.held_embedding = self.add_weight(
                name="held_embedding",
                shape=(self.max_held + 1, dim),
                initializer=keras.initializers.RandomNormal(stddev=0.5),
            )
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        if self.tokens_per_step:
            pitches = ops.pad(features["pitch"], [[0, 0], [self._memory, 0]])
            x = self._add_held(x, pitches)
        value, gate = self._project(x)  # [B, T, D] each
        kernel = self._kernel(ops.shape(x)[1])  # [T, D]
        return self._combine(causal_convolution(value, kernel), gate)

    def init_cache(self, batch_size, max_length, dtype=None):
        waves = len(self.windows) * (self.period // 2 + 1)
        shape = (batch_size, waves, self.spectrum.shape[-1])
        dtype = dtype or "float32"
        cache = ops.zeros(shape, dtype), ops.zeros(shape, dtype)
        if self.tokens_per_step:
            cache += (ops.zeros((batch_size, self._memory), dtype),)
        return cache

    def extend(self, x, cache, position, features=None):
        # S = sum_s v_s z^(lag of s), for damped waves z = exp(-1/w + 2 pi i j / P).
        real, imaginary = (ops.cast(part, "float32") for part in cache[:2])  # [B, J, D]
        time = x.shape[1]
        last = ()
        if self.tokens_per_step:
            past = ops.cast(cache[2], "int32")
            pitches = ops.concatenate([past, features["pitch"]], axis=1)
            x = self._add_held(x, pitches)
            last = (ops.cast(pitches[:, time:], cache[2].dtype),)
        value, gate = self._project(x)
        y = causal_convolution(value, self._kernel(time))
        # The past: Re (a - ib) z^lag S.
        cosines, sines = self._waves(1 + ops.arange(time))  # [T, J] each
        a, b = self._coefficients()  # [J, D] each
        y += ops.matmul(cosines, a * real + b * imaginary)
        y -= ops.matmul(sines, a * imaginary - b * real)
        # The present joins it: S z^T + sum_s v_s z^(T-1-s).
        cosine, sine = cosines[-1][:, None], sines[-1][:, None]  # [J, 1] each
        cosines, sines = self._waves(time - 1 - ops.arange(time))
        joined = (ops.matmul(ops.transpose(wave), value) for wave in (cosines, sines))
        new_real, new_imaginary = joined  # [B, J, D] each
        new_real += real * cosine - imaginary * sine
        new_imaginary += real * sine + imaginary * cosine
        return self._combine(y, gate), (new_real, new_imaginary, *last)

    @property
    def _memory(self):
        """Tokens that decide how long a note has been held."""
        return self.max_held * self.tokens_per_step

    def _add_held(self, x, pitches):
        held = held_steps(pitches, self.tokens_per_step, self.max_held)  # [B, T]
        embedding = ops.convert_to_tensor(self.held_embedding)
        return x + ops.cast(ops.take(embedding, held, axis=0), x.dtype)

    def _project(self, x):
        """float32 gated values, and the outputs' gates: `[B, T, D]` each."""
        value, value_gate, gate = ops.split(self.input_dense(x), 3, axis=-1)
        return ops.cast(value * value_gate, "float32"), gate

    def _combine(self, y, gate):
        return self.output_dense(ops.cast(y, gate.dtype) * gate)

    def _kernel(self, num_lags):
        """float32 `[T, D]` of the lags below `num_lags`, T."""
        cosines, sines = self._waves(ops.arange(num_lags))  # [T, J] each
        a, b = self._coefficients()
        return ops.matmul(cosines, a) + ops.matmul(sines, b)

    def _waves(self, lags):
        """Damped cosines and sines, float32 `[T, J]` each, of lags, int32 `[T]`."""
        rates = np.array([1 / window for window in self.windows], "float32")
        decay = ops.exp(-ops.cast(lags, "float32")[:, None] * rates)  # [T, W]
        # Whole steps of a period, so that long lags are as exact as short ones.
        phase = lags[:, None] * np.arange(self.period // 2 + 1) % self.period
        angle = ops.cast(phase, "float32") * (2 * math.pi / self.period)

        def damped(wave):
            waves = decay[:, :, None] * wave[:, None, :]  # [T, W, P//2+1]
            return ops.reshape(waves, (-1, waves.shape[1] * waves.shape[2]))

        return damped(ops.cos(angle)), damped(ops.sin(angle))

    def _coefficients(self):
        """float32 `[J, D]` each: the factors of the cosines and of the sines."""
        num_cosines = self.period // 2 + 1
        spectrum = ops.cast(self.spectrum, "float32")  # [W, P, D]
        # Sines of no wave at all, and of one that turns every lag, are zero.
        zeros = [[0, 0], [1, (self.period + 1) % 2], [0, 0]]
        sines = ops.pad(spectrum[:, num_cosines:], zeros)
        shape = (-1, spectrum.shape[-1])
        cosines = ops.reshape(spectrum[:, :num_cosines], shape)
        return cosines, ops.reshape(sines, shape)

    def _initial_spectrum(self, shape, dtype=None):
        """White noise; a kernel's squares over all lags sum to about 1."""
        squares = 1 / (1 - np.exp(-2 / np.array(self.windows)))  # of a window, summed
        scale = np.sqrt(2 / (squares * len(self.windows) * self.period))  # [W]
        noise = keras.initializers.RandomNormal(stddev=1.0)(shape, dtype)
        return noise * ops.cast(scale[:, None, None], noise.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "period": self.period,
            "windows": list(self.windows),
            "tokens_per_step": self.tokens_per_step,
            "max_held": self.max_held,
        }
