"""Predictions averaged over keys: what a model learned in one helps in the others."""

import numpy as np
import tensorflow as tf

from tfmusic.tokenizers import PAD, Tokenizer


class KeyEnsemble:
    """The mean of a decoder's probabilities for the same music in several keys.

    The music is transposed by 0, -1, 1, -2, 2, ... semitones, and what the model
    expects of each is transposed back. The mean is a distribution over the same ids,
    and depends on what came before alone, so its likelihoods compare with those of a
    single pass, which takes a Kth of the time. `B` windows of `T` tokens, `V` ids.

    Args:
        model: a MusicDecoder that was trained on transposed music.
        tokenizer: of the model.
        keys: K, 1 and more.

    Attributes:
        keys: K.

    Reference:
        [Krizhevsky et al., 2012](https://papers.nips.cc/paper/4824), section 4.1, for
        the mean of predictions about variations of an input.
    """

    def __init__(self, model, tokenizer: Tokenizer, keys: int):
        self.model = model
        shifts = [(key + 1) // 2 * (1 - 2 * (key % 2)) for key in range(keys)]
        tables = np.stack([tokenizer.transposed(shift) for shift in shifts])
        # A pitch that the vocabulary has no room to move stays, and its place belongs
        # to the pitch that moved there.
        stays = tokenizer.pitched & (tables == np.arange(tokenizer.vocabulary.size))
        self._moves = np.where(np.array(shifts)[:, np.newaxis], ~stays, True)  # [K, V]
        self._tables = tables  # [K, V]
        self.keys = keys
        self._token_features = {
            name: values
            for name, values in tokenizer.grammar.token_features.items()
            if name in model.feature_names
        }

    def __call__(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Logits, whose softmax is the mean.

        Args:
            inputs: of the model, int32 `[B, T]` each.

        Returns:
            float32 `[B, T, V]`.
        """
        log_probabilities = tf.map_fn(
            lambda key: self.in_key(inputs, key),
            tf.range(self.keys),
            fn_output_signature=tf.float32,
        )
        return tf.reduce_logsumexp(log_probabilities, axis=0)

    def in_key(self, inputs: dict[str, tf.Tensor], key: tf.Tensor) -> tf.Tensor:
        """What the model expects of the music in one of the keys.

        Args:
            inputs: see `__call__`.
            key: int32 scalar below `keys`.

        Returns:
            float32 `[B, T, V]`, log-probabilities of the ids of the music as it is.
        """
        table, moves = tf.gather(self._tables, key), tf.gather(self._moves, key)
        tokens = tf.gather(table, inputs["tokens"])
        moved = {**inputs, "tokens": tokens}
        for name, values in self._token_features.items():
            moved[name] = tf.where(tokens == PAD, 0, tf.gather(values, tokens))
        logits = tf.cast(self.model(moved, training=False), tf.float32)
        nats = tf.gather(tf.nn.log_softmax(logits), table, axis=-1)
        return tf.where(moves, nats, -np.inf)
