"""The seam between the architectures of this field: a token mixer."""

import keras


class TokenMixer(keras.layers.Layer):
    """What moves information between the tokens of a sequence.

    Attention, Fourier mixing and their kin are exchangeable: a decoder's block is
    one of them and a feed-forward layer. Axis letters: `B` batch, `T` time, `D`
    model, `M` cache rows.

    A subclass implements `call` for whole sequences and, where it is causal,
    `init_cache` and `extend` for decoding step by step.

    Attributes:
        causal: whether an output depends on its own and earlier inputs only, so
            that the layer can generate.
        cache_kinds: for each tensor of the cache, "rows" where it grows by a row a
            step along its axis -2, "state" where each step replaces it.
        feature_names: the features that the mixer itself reads, which are in
            `features` whether or not the model embeds them.
        supports_segments: whether `call` keeps to segments. Where `features` holds
            `segment`, a token then mixes with tokens of its own segment alone, as if
            that were the whole sequence: see `tfmusic.layers.segments`.
    """

    causal = True
    cache_kinds = ()
    feature_names = ()
    supports_segments = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, features=None, training=None):
        """Mixes a whole sequence.

        Args:
            x: `[B, T, D]`.
            features: dict of int32 `[B, T]`, what the tokenizer says of each token.

        Returns:
            `[B, T, D]`.
        """
        raise NotImplementedError

    def attention_weights(self, x, features=None):
        """How much of each token's value each head takes, for looking at.

        Args:
            x, features: see `call`; without dropout.

        Returns:
            float32 `[B, N, T, T]`, rows of queries that sum to 1 over keys; None where
            the mixer weighs no tokens.
        """
        return None

    def init_cache(self, batch_size, max_length, dtype=None):
        """An empty memory of `max_length` steps.

        Returns:
            A tuple of tensors, one for each of `cache_kinds`.
        """
        raise NotImplementedError

    def extend(self, x, cache, position, features=None):
        """Mixes the next T steps of a sequence, given a memory of those before.

        Args:
            x: `[B, T, D]`, T static.
            cache: as `init_cache` made it and `apply_update` filled it.
            position: int32 scalar, the number of steps already in the cache.
            features: dict of int32 `[B, T]`.

        Returns:
            `[B, T, D]`, equal to the same steps of `call` on the whole sequence,
            and the update: T new rows, or the new state, for each of the cache's
            tensors. Whoever owns the cache applies it (`apply_update`).
        """
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return input_shape
