"""Fourier sums over features and over time: index arithmetic, no layers.

The DFT over features of a real vector is conjugate symmetric, so D real numbers say
it all: the cosine sums of frequencies 0 to D/2, then the sine sums of those strictly
between. Sums over time keep the two apart: a sum of cosines weighs the first, one of
sines the second, and `combine` makes the D outputs of them.

A phase is an integer modulo the period before it becomes an angle: in float32,
`2 pi t n / N` is off by 1e-4 and more where `t n` is large. Axis letters: `B` batch,
`T` time, `S` earlier time, `D` features, `J` cosine sums, `N` period.
"""

import functools

import numpy as np
import tensorflow as tf
from keras import ops


def feature_matrix(dim):
    """The real DFT over features: `x @ feature_matrix(D)` are the sums of x.

    Returns:
        float32 numpy `[D, D]`: columns of `cos(2 pi k d / D)` for k up to D/2, then
        of `sin(2 pi k d / D)` for k strictly between 0 and D/2.
    """
    cosine, sine = waves(np.arange(dim), np.arange(dim), dim)
    split = num_cosines(dim)
    sine = sine[:, 1 : dim - split + 1]
    return np.concatenate([cosine[:, :split], sine], axis=1)


def num_cosines(dim):
    """J of D features: the frequencies whose cosine sums say all others'."""
    return dim // 2 + 1


def combine(cosine, sine, axis=-1):
    """The real part of all D features from the sums of half of them.

    Feature k is the difference of its two sums, feature D - k is their sum.

    Args:
        cosine: J entries along the axis, frequencies 0 to D/2.
        sine: D - J entries, frequencies 1 and on.

    Returns:
        D entries along the axis.
    """
    size = sine.shape[axis]
    parts = ops.split(cosine, [1, size + 1], axis)
    parts[1:2], mirrored = [parts[1] - sine], ops.flip(parts[1] + sine, axis)
    # The middle one, D/2, is there for even D only.
    parts = [part for part in [*parts, mirrored] if part.shape[axis] != 0]
    return ops.concatenate(parts, axis)


def mirror(half, dim):
    """The real part of all D features of a real DFT in two dimensions, from J of them.

    `Re Y[t, D - k] = Re Y[-t mod T, k]`: a real input's spectrum is conjugate
    symmetric in both axes at once.

    Args:
        half: float `[B, T, J]`, frequencies 0 to D/2 over features.
        dim: D.

    Returns:
        `[B, T, D]`.
    """
    half = half[..., : num_cosines(dim)]
    rest = tf.reverse(half[..., 1 : dim - num_cosines(dim) + 1], [-1])
    return tf.concat([half, _mirrored(rest, axis=1)], axis=-1)


def sums_by_matmul(cosine, sine):
    """`sum_n cos(2 pi t n / T) a_n` over all n, and the same of sines, by a matmul.

    The tables, which are symmetric, stand on the right: a constant on the left has no
    quantized kernel in TFLite.

    Args:
        cosine: a, `[B, J, T]`.
        sine: b, `[B, D-J, T]`.

    Returns:
        Two float tensors, of the same shapes and dtype.
    """
    time = cosine.shape[-1]
    if time is None:
        time = tf.shape(cosine)[-1]
        steps = tf.range(time)
        phases = tf.cast(steps[:, None] * steps % time, "float32")
        angles = 2 * np.pi / tf.cast(time, "float32") * phases
        tables = tf.cos(angles), tf.sin(angles)
    else:
        tables = _plain_waves(time)
    tables = [ops.cast(table, cosine.dtype) for table in tables]  # [T, T]
    return ops.matmul(cosine, tables[0]), ops.matmul(sine, tables[1])


@functools.lru_cache(maxsize=2)
def _plain_waves(time):
    return waves(np.arange(time), np.arange(time), time)


def waves(times, steps, period):
    """`cos` and `sin` of `2 pi t n / N`.

    Args:
        times: t, integers `[T]` of numpy, or an int32 tensor.
        steps: n, integers `[S]` of the same kind.
        period: N, at most 46,340 where they are tensors: products stay in int32.

    Returns:
        Two float32 `[T, S]`, of numpy or tensors as the arguments are.
    """
    angles = 2 * np.pi / period * np.arange(period)
    phases = (times % period)[:, None] * (steps % period) % period  # [T, S]
    take = np.take if isinstance(phases, np.ndarray) else tf.gather
    return tuple(
        take(wave(angles).astype("float32"), phases) for wave in (np.cos, np.sin)
    )


def causal_sums_by_matmul(cosine, sine, period):
    """`sum_{n<=t} cos(2 pi t n / N) a_n`, and the same of sines, by masked matmul.

    The tables are constants where T is static. Time and memory grow with T squared;
    later steps have weights of zero, so causality holds bit for bit.

    Args:
        cosine: a, `[B, T, J]`.
        sine: b, `[B, T, D-J]`.
        period: N.

    Returns:
        Two float tensors, of the same shapes and dtype.
    """
    time = cosine.shape[1]
    if time is None:
        steps = tf.range(tf.shape(cosine)[1])
        mask = tf.cast(steps[:, None] >= steps, "float32")
        tables = [wave * mask for wave in waves(steps, steps, period)]
    else:
        tables = _causal_waves(time, period)
    tables = [ops.cast(table, cosine.dtype) for table in tables]  # [T, T]
    return ops.matmul(tables[0], cosine), ops.matmul(tables[1], sine)


@functools.lru_cache(maxsize=2)
def _causal_waves(time, period):
    steps = np.arange(time)
    mask = np.tri(time, dtype="float32")
    return tuple(wave * mask for wave in waves(steps, steps, period))


def causal_sums_by_chirp(x, period, reverse=False):
    """`sum_{n<=t} cos(2 pi t n / N) a_n`, and the same of sines, by FFTs.

    Of blocks of N steps, those before t's own are a plain DFT, since the waves repeat
    after N. Within a block, the sum of the steps up to t is half of the plain DFT and
    half of the DFT in which later steps count negatively. That one is, as `-2 t n =
    (t-n)^2 - t^2 - n^2` (Bluestein), a chirp times a circular convolution of length N
    with a chirp, twisted by half a turn so that what wraps around changes its sign.
    So no FFT is longer than N; powers of two are the fastest.

    Causality holds but for rounding: 3e-7 of the largest sum.

    Args:
        x: float32 `[B, D, T]`, a in the first J features, b in the others.
        period: N.
        reverse: sum the steps from t on instead of those up to t. That is the
            transposed matrix, so each is the other's gradient.

    Returns:
        float32 `[B, D, T]`.
    """

    @tf.custom_gradient
    def sums(x):
        def gradient(upstream):
            return causal_sums_by_chirp(upstream, period, not reverse)

        return _chirp_sums(x, period, reverse), gradient

    return sums(x)


def _chirp_sums(x, period, reverse):
    batch, dim, time = ops.shape(x)
    split = num_cosines(dim)
    num_blocks = -(-time // period)
    x = tf.pad(x, [[0, 0], [0, 0], [0, num_blocks * period - time]])
    x = tf.reshape(x, (batch, dim, num_blocks, period))  # [B, D, blocks, N]
    whole = x / 2
    if not isinstance(num_blocks, int) or num_blocks > 1:
        whole += tf.cumsum(x, axis=2, exclusive=True, reverse=reverse)
    # Of a real sequence, the even part has a real DFT, the odd part an imaginary one:
    # cosine sums of one and sine sums of another are one real FFT.
    sine = tf.pad(whole[:, split:], [[0, 0], [1, 2 * split - dim - 1], [0, 0], [0, 0]])
    whole = whole[:, :split] + sine + _mirrored(whole[:, :split] - sine)
    whole = tf.signal.rfft(whole / 2)  # [B, J, blocks, N//2+1]
    later = slice(1, (period + 1) // 2)  # whose mirrored places are past the half
    cosine = tf.math.real(whole)
    cosine = tf.concat([cosine, tf.reverse(cosine[..., later], [-1])], axis=-1)
    sine = -tf.math.imag(whole)[:, 1 : dim - split + 1]
    sine = tf.concat([sine, -tf.reverse(sine[..., later], [-1])], axis=-1)

    chirp_in, spectrum, chirp_out = _chirps(period)
    if reverse:
        spectrum = 2 - spectrum  # minus all of the kernel but for oneself

    def convolve(x):
        x = tf.complex(x * chirp_in.real, x * chirp_in.imag)
        x = tf.signal.ifft(tf.signal.fft(x) * spectrum)
        return tf.math.real(x), tf.math.imag(x)

    real, imaginary = convolve(x[:, :split])
    cosine += real * chirp_out.real - imaginary * chirp_out.imag
    real, imaginary = convolve(x[:, split:])
    sine -= imaginary * chirp_out.real + real * chirp_out.imag
    sums = tf.concat([cosine, sine], axis=1)
    return tf.reshape(sums, (batch, dim, num_blocks * period))[..., :time]


def _mirrored(x, axis=-1):
    """`[..., N, ...]`, the entry at -t modulo N in place of that at t."""
    first, others = tf.split(x, [1, -1], axis)
    return tf.concat([first, tf.reverse(others, [axis])], axis)


@functools.lru_cache(maxsize=8)
def _chirps(period):
    """complex64 `[N]` each: the chirp before the convolution, the spectrum, after."""
    steps = np.arange(period)
    square = steps * steps
    # With odd N the chirp itself changes its sign after N steps.
    twist = steps if period % 2 == 0 else 0

    def chirp(phases):
        return np.exp(1j * np.pi / period * (phases % (2 * period)))

    spectrum = np.fft.fft(chirp(square + twist))
    chirps = chirp(twist - square), spectrum, chirp(-square - twist) / 2
    return tuple(values.astype("complex64") for values in chirps)
