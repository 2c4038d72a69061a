"""The decoder: a causal transformer over music's tokens."""

import keras
from keras import ops

from tfmusic.layers import apply_update
from tfmusic.models.music_transformer import MusicTransformer


@keras.saving.register_keras_serializable(package="tfmusic")
class MusicDecoder(MusicTransformer):
    """A causal transformer: each token's distribution given those before.

    A `MusicTransformer` whose logits are those of the next token. It reads whole
    sequences, or goes on step by step with a cache.

    Axis letters: `B` batch, `T` time, `V` vocabulary, `M` cache rows.

    Args:
        **config: the fields of `tfmusic.ModelConfig`, and Keras's `name`, `dtype`.

    Raises:
        UserError: a size is not positive.
        ValueError: the config is inconsistent, or a mixer is not causal.
    """

    kind = "decoder"
    causal = True

    def __init__(self, **config):
        super().__init__(**config)
        for block in self.blocks:
            if not block.mixer.causal:
                raise ValueError(
                    f"{type(block.mixer).__name__} lets tokens see what follows them; "
                    "a decoder needs a causal mixer"
                )

    @property
    def cache_kinds(self):
        """For each layer, for each tensor of its cache: "rows" or "state"."""
        return tuple(block.mixer.cache_kinds for block in self.blocks)

    def init_cache(self, batch_size, max_length):
        """An empty memory of `max_length` tokens: per layer, the mixer's tensors."""
        return tuple(
            block.mixer.init_cache(batch_size, max_length) for block in self.blocks
        )

    def extend(self, inputs, cache, position):
        """Logits after each of the next T tokens, given the memory of those before.

        Args:
            inputs: as for `call`, `[B, T]` with T static.
            cache: as `init_cache` made it and `apply_update` filled it.
            position: int32 scalar, tokens in the cache so far.

        Returns:
            float32 `[B, T, V]`, equal to these steps of `call`, and the update that
            `apply_update(cache, update, position, model.cache_kinds)` takes.
        """
        x, features = self._embed(inputs, position)
        updates = []
        for block, memory in zip(self.blocks, cache, strict=True):
            x, update = block.extend(x, memory, position, features)
            updates.append(update)
        return self.logits_dense(self.norm(x)), tuple(updates)

    def prefill(self, inputs, max_length):
        """Reads the beginning of a piece into a new cache of `max_length` rows.

        Returns:
            float32 `[B, T, V]` and the cache.
        """
        cache = self.init_cache(ops.shape(inputs["tokens"])[0], max_length)
        logits, update = self.extend(inputs, cache, 0)
        return logits, apply_update(cache, update, 0, self.cache_kinds)

    def decode_step(self, inputs, cache, position):
        """Reads one more token, `[B, 1]`.

        Returns:
            float32 `[B, V]` and the cache.
        """
        logits, update = self.extend(inputs, cache, position)
        cache = apply_update(cache, update, position, self.cache_kinds)
        return logits[:, 0], cache
