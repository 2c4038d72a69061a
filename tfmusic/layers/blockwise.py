"""Exact attention a block of queries and a block of keys at a time."""

import tensorflow as tf
from keras import ops

from tfmusic.layers import blocks, masks
from tfmusic.layers.attention_dropout import keep_scale
from tfmusic.layers.head_matmul import head_matmul


def blockwise_attention(
    query, key, value, distance=None, block_size=256, rate=0.0, seed=None, starts=None
):
    """What causal attention gives, without any tensor of T x T.

    A query's softmax is summed up over blocks of keys as they come ("online"), and
    the backward pass computes the weights again from the queries, the keys and the
    logarithm of the softmax's sum, so that memory grows with T alone. Blocks of keys
    after the queries are never computed: half of the work; nor are those before the
    queries' segments. The loops are of the graph, which therefore doesn't grow with T
    either.

    Axis letters: `B` batch, `N` heads, `T` time, `K` size of queries and keys, `H`
    of values, `G` of distance queries, `L` distances, `b` block.

    Args:
        query: `[B, N, T, K]`, scaled.
        key: `[B, N, T, K]`.
        value: `[B, N, T, H]`.
        distance: a `DistanceTerm`, or None.
        block_size: b, queries and keys in a block.
        rate: of dropout on the attention weights.
        seed: int32 `[2]`, of the dropout; None for none.
        starts: int32 `[B, T]`, ascending, the first key that each query may see, as
            `segment_starts` gives; None for the first of all.

    Returns:
        float32 `[B, N, T, H]`.

    Reference:
        [Milakov and Gimelshein, 2018](https://arxiv.org/abs/1805.02867), section 3;
        [Rabe and Staats, 2021](https://arxiv.org/abs/2112.05682), section 3;
        [Dao et al., 2022](https://arxiv.org/abs/2205.14135), algorithms 1 and 4.
    """
    time = ops.shape(query)[2]
    num_blocks = -(-time // block_size)
    sequences, tables = [query, key, value], []
    if distance is not None:
        sequences.append(distance.query)
        tables = [table for table in distance[1:] if table is not None]
    inputs = [blocks.to_blocks(x, num_blocks, block_size) for x in sequences]
    inputs += [blocks.table_to_blocks(x, num_blocks, block_size) for x in tables]
    if starts is not None:
        starts = blocks.to_blocks(starts[:, None, :, None], num_blocks, block_size)
    attention = _BlockwiseAttention(num_blocks, block_size, rate, seed, starts)
    y = attention(inputs)  # [n, B, N, b, H]
    batch, heads, _, _ = ops.shape(query)
    y = ops.transpose(y, (1, 2, 0, 3, 4))  # [B, N, n, b, H]
    y = ops.reshape(y, (batch, heads, num_blocks * block_size, value.shape[-1]))
    return y[:, :, :time]


class _BlockwiseAttention:
    """The loops over blocks, forward and backward.

    Queries, keys and values come as blocks `[n, B, N, b, ...]`, tables as `[n + 1,
    N, b, ...]`: as `blocks` lays them out; `starts` as `[n, B, 1, b, 1]`, or None.
    """

    def __init__(self, num_blocks, block_size, rate, seed, starts):
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.rate = rate
        self.seed = seed
        self.starts = starts

    def __call__(self, inputs):
        """float32 `[n, B, N, b, H]` of queries, keys, values, distance terms."""

        @tf.custom_gradient
        def attend(*inputs):
            y, log_sums = self._forward(*inputs)
            return y, lambda dy: self._backward(dy, y, log_sums, *inputs)

        return attend(*inputs)

    def _forward(self, queries, keys, values, *distance):
        """Outputs, and logarithms of the softmaxes' sums `[n, B, N, b, 1]`."""
        shape = tf.shape(queries)[1:-1]  # B, N, b
        column = tf.concat([shape, [1]], 0)
        size = values.shape[-1]

        def one_block_of_queries(i, y, log_sums):
            def one_block_of_keys(j, top, total, sums):
                logits = self._logits(queries[i], keys[j], i, j, distance)
                new_top = tf.maximum(top, tf.reduce_max(logits, -1, keepdims=True))
                weights = tf.exp(logits - new_top)  # [B, N, b, b]
                shrink = tf.exp(top - new_top)
                total = total * shrink + tf.reduce_sum(weights, -1, keepdims=True)
                kept = self._dropped(weights, i, j)
                new = self._weighted(kept, values[j], i, j, distance)
                return j + 1, new_top, total, sums * shrink + new

            start = (
                self._first_block(i),
                tf.fill(column, masks.MASKED),
                tf.zeros(column),
                tf.zeros(tf.concat([shape, [size]], 0)),
            )
            _, top, total, sums = tf.while_loop(
                lambda j, *_: j <= i, one_block_of_keys, start
            )
            y = y.write(i, sums / total)
            return i + 1, y, log_sums.write(i, top + tf.math.log(total))

        start = (0, self._array(values), self._array(queries, size=1))
        _, y, log_sums = tf.while_loop(
            lambda i, *_: i < self.num_blocks, one_block_of_queries, start
        )
        return y.stack(), log_sums.stack()

    def _backward(self, dy, y, log_sums, queries, keys, values, *distance):
        """Gradients of everything that `_forward` takes."""
        deltas = tf.reduce_sum(dy * y, axis=-1, keepdims=True)  # [n, B, N, b, 1]
        square = tf.concat([tf.shape(queries)[1:-1], [self.block_size]], 0)

        def one_block_of_queries(i, dqueries, dkeys, dvalues, *ddistance):
            query, above = queries[i], dy[i]

            def one_block_of_keys(j, dquery, dextra, near, dkeys, dvalues, *dtables):
                logits = self._logits(query, keys[j], i, j, distance)
                weights = tf.exp(logits - log_sums[i])  # [B, N, b, b]
                dweights = _matmul(above, values[j], transpose_b=True)
                kept = self._dropped(weights, i, j)
                new = _matmul(above, kept, transpose_a=True)
                dvalues = blocks.add(dvalues, j, new)
                if len(distance) == 3:
                    table = blocks.pair(distance[2], self._first(i, j))
                    by_distance = _times_table(above, table, transpose=True)
                    dweights += blocks.block_to_absolute(by_distance)
                    by_distance = blocks.block_to_relative(kept)
                    dtable = _matmul(above, by_distance, transpose_a=True)
                    new = blocks.add_pair(dtables[1], self._first(i, j), dtable)
                    dtables = (dtables[0], new)
                dweights = self._dropped(dweights, i, j)
                dlogits = weights * (dweights - deltas[i])
                dquery += _matmul(dlogits, keys[j])
                dkeys = blocks.add(dkeys, j, _matmul(query, dlogits, transpose_a=True))
                if distance:
                    # What two blocks of keys add to a block of distances is multiplied
                    # once. Nothing is left of the last: its near half is masked.
                    first = self._first(i, j)
                    far, next_near = blocks.block_to_halves(dlogits)
                    by_distance, near = near + far, next_near
                    dextra += _times_table(by_distance, distance[1][first])
                    dtable = _matmul(distance[0][i], by_distance, transpose_a=True)
                    new = blocks.add_columns(dtables[0], first, dtable)
                    dtables = (new, *dtables[1:])
                return j + 1, dquery, dextra, near, dkeys, dvalues, *dtables

            dextra = tf.zeros_like(distance[0][i], tf.float32) if distance else 0.0
            near = tf.zeros(square) if distance else 0.0
            dquery = tf.zeros_like(query, tf.float32)
            first = self._first_block(i)
            start = (first, dquery, dextra, near, dkeys, dvalues, *ddistance[1:])
            _, dquery, dextra, _, dkeys, dvalues, *dtables = tf.while_loop(
                lambda j, *_: j <= i, one_block_of_keys, start
            )
            if distance:
                ddistance = (ddistance[0].write(i, dextra), *dtables)
            dqueries = dqueries.write(i, dquery)
            return i + 1, dqueries, dkeys, dvalues, *ddistance

        inputs = (queries, keys, values, *distance)
        # What is added up is transposed: a CPU multiplies so in two thirds of the time.
        turned = [False, True, True, False, True, True][: len(inputs)]
        arrays = [
            self._zeros(_transposed(x)) if turn else self._array(x)
            for x, turn in zip(inputs, turned, strict=True)
        ]
        _, *arrays = tf.while_loop(
            lambda i, *_: i < self.num_blocks, one_block_of_queries, (0, *arrays)
        )
        gradients = [array.stack() for array in arrays]
        return [
            tf.cast(_transposed(dx) if turn else dx, x.dtype)
            for dx, x, turn in zip(gradients, inputs, turned, strict=True)
        ]

    def _logits(self, query, key, i, j, distance):
        """float32 `[B, N, b, b]` of the ith queries and the jth keys, masked."""
        logits = _matmul(query, key, transpose_b=True)
        if distance:
            table = blocks.pair(distance[1], self._first(i, j))
            by_distance = _times_table(distance[0][i], table, transpose=True)
            logits += blocks.block_to_absolute(by_distance)
        mask = masks.causal_mask(self.block_size) | (j < i)
        if self.starts is not None:
            keys = j * self.block_size + tf.range(self.block_size)
            mask &= keys >= self.starts[i]  # [B, 1, b, b]
        return tf.where(mask, logits, masks.MASKED)

    def _weighted(self, weights, value, i, j, distance):
        """float32 `[B, N, b, H]`, the jth values' part of the ith outputs."""
        y = _matmul(weights, value)
        if len(distance) == 3:
            table = blocks.pair(distance[2], self._first(i, j))
            y += _times_table(blocks.block_to_relative(weights), table)
        return y

    def _dropped(self, weights, i, j):
        if self.seed is None or not self.rate:
            return weights
        size = self.block_size
        return weights * keep_scale(
            self.seed, self.rate, tf.shape(weights), i * size, j * size
        )

    def _first_block(self, i):
        """The first block of keys that any of the ith queries may see."""
        if self.starts is None:
            return 0
        # The first query's is the earliest; queries behind T have none.
        return tf.reduce_min(self.starts[i][:, :, 0]) // self.block_size

    def _first(self, i, j):
        """Index of the first of two blocks of a table, see `blocks.table_to_blocks`."""
        return self.num_blocks - 1 - (i - j)

    def _array(self, like, size=None):
        """An empty array of blocks, float32, of `size` columns."""
        shape = like.shape[1:-1].concatenate(size or like.shape[-1])
        return tf.TensorArray(
            tf.float32,
            size=like.shape[0] or tf.shape(like)[0],
            element_shape=shape,
            clear_after_read=False,
        )

    def _zeros(self, like):
        """An array of blocks of zeros, to be added to."""
        return self._array(like).unstack(tf.zeros_like(like, tf.float32))


def _transposed(x):
    """The last two axes."""
    return tf.linalg.matrix_transpose(x)


def _matmul(a, b, transpose_a=False, transpose_b=False):
    """float32 product in the dtype of whichever is narrower."""
    dtype = b.dtype if a.dtype == tf.float32 else a.dtype
    a, b = tf.cast(a, dtype), tf.cast(b, dtype)
    y = tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    return tf.cast(y, tf.float32)


def _times_table(x, table, transpose=False):
    """float32 product of `[B, N, b, C]` and a table of each head or of all."""
    dtype = table.dtype if x.dtype == tf.float32 else x.dtype
    if transpose:
        table = tf.transpose(table, [0, 2, 1])
    return tf.cast(head_matmul(tf.cast(x, dtype), tf.cast(table, dtype)), tf.float32)
