"""The decoder-only transformer over music's tokens."""

import dataclasses

import keras
import numpy as np
from keras import ops

from tfmusic.config import ModelConfig
from tfmusic.layers import (
    DecoderBlock,
    LearnedPositions,
    SinusoidalPositions,
    apply_update,
)
from tfmusic.models.mixers import make_mixers


@keras.saving.register_keras_serializable(package="tfmusic")
class MusicDecoder(keras.Model):
    """A causal transformer: each token's distribution given those before.

    Token and feature embeddings are added, blocks of a token mixer and a
    feed-forward layer follow, then a layer norm and the logits in float32. What
    the inputs are is the tokenizer's business: a dict with `tokens` and the
    features that the config or a mixer names, int32 `[B, T]` each.

    Axis letters: `B` batch, `T` time, `D` model, `V` vocabulary, `M` cache rows.

    Args:
        **config: the fields of `tfmusic.ModelConfig`, and Keras's `name`, `dtype`.

    Raises:
        UserError: a size is not positive.
        ValueError: the config is inconsistent, or a mixer is not causal.
    """

    def __init__(self, name=None, dtype=None, trainable=True, **config):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if isinstance(config.get("mixer"), list):
            config["mixer"] = tuple(config["mixer"])
        config = ModelConfig(**config)
        self.config = config
        dim = config.hidden_dim
        if config.key_dim is None and dim % config.num_heads:
            raise ValueError(
                f"hidden_dim {dim} is not a multiple of num_heads {config.num_heads}"
            )
        if config.positions not in ("none", "learned", "sinusoidal"):
            raise ValueError(
                f"positions {config.positions!r}: expected none, learned or sinusoidal"
            )

        def embedding(num_values, name):
            layer = keras.layers.Embedding(
                num_values,
                dim,
                embeddings_initializer=keras.initializers.RandomNormal(stddev=0.5),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build()
            return layer

        shape = (None, None, dim)
        self.token_embedding = embedding(config.vocabulary_size, "token_embedding")
        # Sorted, as saved weights follow this order and a config's JSON is sorted.
        self.feature_embeddings = {
            name: embedding(num_values, f"{name}_embedding")
            for name, num_values in sorted(config.features.items())
        }
        self.positions = None
        if config.positions == "learned":
            self.positions = LearnedPositions(
                config.max_length, dtype=self.dtype_policy, name="positions"
            )
        elif config.positions == "sinusoidal":
            self.positions = SinusoidalPositions(
                dtype=self.dtype_policy, name="positions"
            )
        if self.positions:
            self.positions.build(shape)
        self.embedding_dropout = keras.layers.Dropout(
            config.dropout, dtype=self.dtype_policy
        )
        self.blocks = []
        for index, mixer in enumerate(make_mixers(config, self.dtype_policy)):
            if not mixer.causal:
                raise ValueError(
                    f"{type(mixer).__name__} lets tokens see what follows them; a "
                    "decoder needs a causal mixer"
                )
            block = DecoderBlock(
                mixer,
                config.intermediate_dim,
                config.activation,
                config.dropout,
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            block.build(shape)
            self.blocks.append(block)
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build(shape)
        self.logits_dense = keras.layers.Dense(
            config.vocabulary_size, dtype="float32", name="logits"
        )
        self.logits_dense.build(shape)
        self.built = True

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that the inputs must hold beside `tokens`, sorted."""
        read = [name for block in self.blocks for name in block.mixer.feature_names]
        return tuple(sorted({*self.config.features, *read}))

    @property
    def max_length(self) -> int:
        """Positions of a window in training: the longest context to give."""
        return self.config.max_length

    @property
    def cache_kinds(self):
        """For each layer, for each tensor of its cache: "rows" or "state"."""
        return tuple(block.mixer.cache_kinds for block in self.blocks)

    def call(self, inputs, training=None):
        """Logits of every next token.

        Args:
            inputs: dict of int32 `[B, T]`: `tokens` and the named features.

        Returns:
            float32 `[B, T, V]`.
        """
        x, features = self._embed(inputs, 0)
        x = self.embedding_dropout(x, training=training)
        for block in self.blocks:
            x = block(x, features=features, training=training)
        return self.logits_dense(self.norm(x))

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

    def _embed(self, inputs, position):
        """`[B, T, D]` of the inputs that start at `position`, and their features."""
        missing = {"tokens", *self.feature_names} - set(inputs)
        if missing:
            raise ValueError(f"inputs lack {sorted(missing)}; got {sorted(inputs)}")
        x = self.token_embedding(inputs["tokens"])
        for name, embedding in self.feature_embeddings.items():
            x = x + embedding(inputs[name])
        if self.positions:
            x = self.positions(x, position=position)
        return x, {name: inputs[name] for name in self.feature_names}

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves to Keras's format (`.keras`, `.h5`) or else as a SavedModel.

        Args:
            filepath: "x.keras", or the folder of a SavedModel to be served.
            overwrite: whether to replace what stands there.
            **kwargs: `tokenizer` for a SavedModel, with which it can generate;
                others are Keras's.
        """
        if str(filepath).endswith((".keras", ".h5")):
            return super().save(filepath, overwrite=overwrite, **kwargs)
        from tfmusic.export.saved_model import save_model

        return save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_own_variables(self, store):
        """Adds the names of the weights to a file of Keras's."""
        store["names"] = np.frombuffer("\n".join(self._names()).encode(), np.uint8)

    def load_own_variables(self, store):
        """Checks that a file of Keras's holds these weights and no others.

        Keras finds layers by their order alone, and passes over those that only the
        file has: a deeper model's, or another feature's embedding.

        Raises:
            ValueError: the names differ.
        """
        if "names" not in store:  # an older file, for which Keras's checks must do
            return
        saved = set(bytes(store["names"]).decode().split("\n"))
        differing = sorted(saved ^ set(self._names()))
        if differing:
            where = "file" if differing[0] in saved else "model"
            raise ValueError(
                f"the weights are of another model: only the {where} has {differing[0]}"
            )

    def _names(self):
        return [weight.path for weight in self.weights]

    def get_config(self):
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "trainable": self.trainable,
            **dataclasses.asdict(self.config),
        }
