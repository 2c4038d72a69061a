"""Longformer's sliding window, with holes."""

import itertools

import keras
from keras import ops

from tfmusic.layers.window_attention import WindowAttention


@keras.saving.register_keras_serializable(package="tfmusic")
class DilatedWindowAttention(WindowAttention):
    """Attention to the last `window` tokens, or to every second, fourth, ... of them.

    A head with dilation d at time t sees the times t, t - d, ... t - (window - 1) d.
    Heads may differ: some see what is near as it is, others far with gaps. Time and
    memory are linear in the sequence's length.

    A head's sequence is d interleaved ones, of each of which it sees a window without
    gaps; these are cut into blocks that see themselves and the block before. Unlike
    the paper's, heads have an embedding for each of a window's places.

    Args:
        window: tokens that a head sees, itself included.
        dilation: distance between them; an integer, or one for each head.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.

    Raises:
        ValueError: a size is not positive, or dilations do not match the heads.

    Reference:
        [Beltagy et al., 2020](https://arxiv.org/abs/2004.05150), sections 3.1-3.2
        and 4.1.
    """

    def __init__(self, num_heads, key_dim, window, dilation=1, **kwargs):
        dilations = dilation
        if isinstance(dilation, int):
            dilations = (dilation,) * num_heads
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}")
        if len(dilations) != num_heads:
            raise ValueError(f"{len(dilations)} dilations for {num_heads} heads")
        if min(dilations) < 1:
            raise ValueError(f"dilation must be at least 1, got {min(dilations)}")
        super().__init__(
            num_heads,
            key_dim,
            queries=window,
            num_distances=window,
            num_rows=window * max(dilations),
            **kwargs,
        )
        self.window = window
        self.dilation = dilation if isinstance(dilation, int) else tuple(dilation)
        self._dilations = tuple(dilations)

    def _attend_nearby(self, query, key, value, num_before, position, starts, training):
        outputs, head = [], 0
        for dilation, group in itertools.groupby(self._dilations):
            heads = slice(head, head + len(list(group)))  # neighbors of one dilation
            head = heads.stop
            steps = self.window if num_before else 0  # of the cache, that they see
            unseen = num_before - steps * dilation
            outputs.append(
                self._attend_dilated(
                    query[:, heads],
                    key[:, heads, unseen:],
                    value[:, heads, unseen:],
                    self.distance_embedding[heads],
                    dilation,
                    steps,
                    position,
                    starts,
                    training,
                )
            )
        return ops.concatenate(outputs, axis=1)  # [B, N, T, H]

    def _attend_dilated(
        self, query, key, value, table, dilation, num_before, position, starts, training
    ):
        """`_attend_nearby` of heads with one dilation, P counted in steps of it."""
        time = ops.shape(query)[2]
        # Not all of the interleaved sequences go on in a short chunk.
        num_sequences = min(time, dilation) if isinstance(time, int) else dilation
        query, key, value = (
            _interleaved(x, dilation, num_sequences) for x in (query, key, value)
        )  # [B, N, Q, T/d, H], [B, N, Q, P+T/d, H] twice
        now = num_before + ops.arange(ops.shape(query)[3])  # [T/d]
        of_sequence = ops.arange(num_sequences)[:, None]  # [Q, 1]
        steps = position + of_sequence  # since the beginning
        if starts is not None:
            starts = starts[:, None, :, None]  # [B, 1, T, 1]
            starts = _interleaved(starts, dilation, num_sequences)[:, 0, :, :, 0]
            steps = steps - starts  # [B, Q, T/d]
        beginning = num_before - steps // dilation
        first = ops.maximum(now - self.window + 1, beginning)  # [Q, T/d], [B, Q, T/d]
        y = self._attend_in_blocks(
            query, key, value, table, first, num_before, training
        )
        batch, heads, _, _, size = ops.shape(y)
        y = ops.transpose(y, (0, 1, 3, 2, 4))  # [B, N, T/d, Q, H]
        y = ops.reshape(y, (batch, heads, -1, size))
        return y[:, :, :time]  # [B, N, T, H]

    def get_config(self):
        return {
            **super().get_config(),
            "window": self.window,
            "dilation": self.dilation,
        }


def _interleaved(x, dilation, num_sequences):
    """Every `dilation`th row of `[B, N, T, H]`, from each of the first rows on.

    Returns:
        `[B, N, num_sequences, T / dilation, H]`, zeros at the end where T is no
        multiple.
    """
    batch, heads, time, size = ops.shape(x)
    steps = (time + dilation - 1) // dilation
    missing = steps * dilation - time
    x = ops.pad(x, [[0, 0], [0, 0], [0, missing], [0, 0]])
    x = ops.reshape(x, (batch, heads, steps, dilation, size))
    return ops.transpose(x[:, :, :, :num_sequences], (0, 1, 3, 2, 4))
