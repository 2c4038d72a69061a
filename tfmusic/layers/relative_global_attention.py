"""The Music Transformer's relative global attention."""

import keras
from keras import ops

from tfmusic.layers import intervals
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.relative import DistanceTerm


@keras.saving.register_keras_serializable(package="tfmusic")
class RelativeGlobalAttention(CausalMultiHeadAttention):
    """Attention that hears how far away each key is, in tokens, time and pitch.

    Each head has an embedding for every distance; its product with the query is
    added to the logits, by skewing: `[T, H]` embeddings instead of the `[T, T, H]`
    tensor of earlier relative attention. The `[T, T]` logits remain, unless
    `block_size` is given, so memory is not linear in T by itself.

    Keys farther away than `max_distance - 1` use the longest distance's embedding,
    in training, in decoding and in exported graphs alike.

    Where tokens stand on a grid, `tokens_per_step` adds embeddings of the distance in
    steps, and reads the feature `voice`. `num_pitches` adds embeddings of the interval
    between two tokens' pitches, and reads the feature `pitch`; the cached keys are
    longer by as many numbers. Both compose with each other and with everything else.

    Args:
        max_distance: number of distances with an embedding of their own, counting
            0, oneself.
        tokens_per_step: tokens of a step of the grid, or None for no relative time.
        num_pitches: P, values of the feature `pitch`, of which 0 and 1 stand for no
            pitch; or None for no relative pitch.
        num_heads, key_dim, dropout, use_bias, block_size: see
            `CausalMultiHeadAttention`.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4; relative
        time and pitch: section 4.1.
    """

    def __init__(
        self,
        num_heads,
        key_dim,
        max_distance,
        tokens_per_step=None,
        num_pitches=None,
        **kwargs,
    ):
        super().__init__(num_heads, key_dim, **kwargs)
        for name, value, least in (
            ("max_distance", max_distance, 1),
            ("tokens_per_step", tokens_per_step, 2),
            ("num_pitches", num_pitches, intervals.FIRST_PITCH + 1),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        self.max_distance = max_distance
        self.tokens_per_step = tokens_per_step
        self.num_pitches = num_pitches

    @property
    def feature_names(self):
        names = {"voice": self.tokens_per_step, "pitch": self.num_pitches}
        return tuple(name for name, value in names.items() if value)

    @property
    def num_feature_columns(self):
        return self.num_pitches or 0

    def build(self, input_shape):
        def table(name, num_rows):
            return self.add_weight(
                name=name,
                shape=(self.num_heads, num_rows, self.key_dim),
                initializer=intervals.table_initializer(self.key_dim),
            )

        # The last rows are distance 0.
        self.distance_embedding = table("distance_embedding", self.max_distance)
        if self.tokens_per_step:
            num_steps = intervals.num_step_distances(
                self.max_distance, self.tokens_per_step
            )
            self.step_embedding = table("step_embedding", num_steps)
        if self.num_pitches:
            self.interval_embedding = table("interval_embedding", 2 * self.num_pitches)
        super().build(input_shape)

    def distance_term(self, query, features):
        table = ops.convert_to_tensor(self.distance_embedding)  # [N, L, H]
        if not self.tokens_per_step:
            return DistanceTerm(query, table)
        voices = self.tokens_per_step
        heads, length, size = table.shape
        tables = intervals.step_tables(self.step_embedding, length, voices)
        tables = ops.transpose(table[:, None] + tables, (0, 2, 1, 3))  # [N, L, V, H]
        tables = ops.reshape(tables, (heads, length, voices * size))
        return DistanceTerm(
            intervals.by_voice(query, features["voice"], voices), tables
        )

    def add_features(self, query, key, features):
        if not self.num_pitches:
            return query, key
        pitches = features["pitch"]
        logits = intervals.interval_logits(query, self.interval_embedding, pitches)
        columns = intervals.one_hot(pitches, self.num_pitches, key.dtype)
        columns = ops.broadcast_to(columns, ops.shape(logits))
        return (
            ops.concatenate([query, logits], axis=-1),  # [B, N, T, H+P]
            ops.concatenate([key, columns], axis=-1),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "max_distance": self.max_distance,
            "tokens_per_step": self.tokens_per_step,
            "num_pitches": self.num_pitches,
        }
