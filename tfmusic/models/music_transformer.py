"""What models of music have in common: embeddings, blocks, logits."""

import dataclasses

import keras
import numpy as np

from tfmusic.config import ModelConfig
from tfmusic.layers import DecoderBlock
from tfmusic.layers.segments import SEGMENT, segment_starts
from tfmusic.models.mixers import make_mixers, mixer_names
from tfmusic.models.positions import make_positions

# What the inputs of a model, or of its exported graphs, hold beside features.
INPUTS = {"tokens", "position", SEGMENT}


class MusicTransformer(keras.Model):
    """A transformer over music's tokens, whatever its logits are about.

    Token and feature embeddings are added, blocks of a token mixer and a
    feed-forward layer follow, then a layer norm and the logits in float32. What
    the inputs are is the tokenizer's business: a dict with `tokens` and the
    features that the config or a mixer names, int32 `[B, T]` each.

    Axis letters: `B` batch, `T` time, `D` model, `V` vocabulary.

    Args:
        **config: the fields of `tfmusic.ModelConfig`, and Keras's `name`, `dtype`.

    Attributes:
        kind: of the config, one for each subclass.
        causal: whether logits may depend on what is before them only: which mixers
            the config may name.

    Raises:
        UserError: a size is not positive.
        ValueError: the config is inconsistent.
    """

    kind: str
    causal: bool

    def __init__(self, name=None, dtype=None, trainable=True, **config):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if isinstance(config.get("mixer"), list):
            config["mixer"] = tuple(config["mixer"])
        config = ModelConfig(**{"kind": self.kind, **config})
        if config.kind != self.kind:
            raise ValueError(
                f"{type(self).__name__} is of kind {self.kind!r}, not {config.kind!r}"
            )
        if kept := sorted(INPUTS & set(config.features)):
            raise ValueError(
                f"feature {kept[0]!r}: an input of another kind is named so"
            )
        self.config = config
        dim = config.hidden_dim
        if config.key_dim is None and dim % config.num_heads:
            raise ValueError(
                f"hidden_dim {dim} is not a multiple of num_heads {config.num_heads}"
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
        self.positions = make_positions(config, self.dtype_policy)
        if self.positions:
            self.positions.build(shape)
        self.embedding_dropout = keras.layers.Dropout(
            config.dropout, dtype=self.dtype_policy
        )
        mixers = make_mixers(config, self.dtype_policy, self.causal)
        self.blocks = []
        for index, mixer in enumerate(mixers):
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
    def mixers_across_segments(self) -> tuple[str, ...]:
        """Names of the model's mixers that can't keep to segments, sorted."""
        names = zip(mixer_names(self.config), self.blocks, strict=True)
        across = {name for name, block in names if not block.mixer.supports_segments}
        return tuple(sorted(across))

    @property
    def supports_segments(self) -> bool:
        """Whether `call` takes inputs with `segment`."""
        return not self.mixers_across_segments

    @property
    def max_length(self) -> int:
        """Positions of a window in training: the longest context to give."""
        return self.config.max_length

    def call(self, inputs, training=None):
        """Logits at every place.

        Where short pieces share a window, `segment` holds a number for each token:
        the same for all of a piece, another than that of the pieces next to it. The
        logits of each piece are then those of the piece alone.

        Args:
            inputs: dict of int32 `[B, T]`: `tokens` and the named features, and
                `segment` or not.

        Returns:
            float32 `[B, T, V]`.

        Raises:
            ValueError: inputs are missing, or there are segments and a mixer can't
                keep to them (`mixers_across_segments`).
        """
        x, features = self._embed(inputs, segment=inputs.get(SEGMENT))
        x = self.embedding_dropout(x, training=training)
        for block in self.blocks:
            x = block(x, features=features, training=training)
        return self.logits_dense(self.norm(x))

    def attention_weights(self, inputs):
        """How much of each token every head of every layer takes, for looking at.

        Args:
            inputs: as for `call`.

        Returns:
            For each layer float32 `[B, N, T, T]`, rows of queries that sum to 1 over
            keys; None for a layer whose mixer weighs no tokens.
        """
        x, features = self._embed(inputs, segment=inputs.get(SEGMENT))
        layers = []
        for block in self.blocks:
            layers.append(
                block.mixer.attention_weights(block.mixer_norm(x), features=features)
            )
            x = block(x, features=features)
        return tuple(layers)

    def _embed(self, inputs, position=0, segment=None):
        """`[B, T, D]` of the inputs that start at `position`, and their features.

        Those include `segment`, int32 `[B, T]`, where it is given.
        """
        missing = {"tokens", *self.feature_names} - set(inputs)
        if missing:
            raise ValueError(f"inputs lack {sorted(missing)}; got {sorted(inputs)}")
        x = self.token_embedding(inputs["tokens"])
        for name, embedding in self.feature_embeddings.items():
            x = x + embedding(inputs[name])
        features = {name: inputs[name] for name in self.feature_names}
        starts = None
        if segment is not None:
            if not self.supports_segments:
                raise ValueError(
                    f"inputs hold {SEGMENT!r}, to which some mixers can't keep: "
                    f"{', '.join(self.mixers_across_segments)}"
                )
            features[SEGMENT] = segment
            starts = segment_starts(segment)
        if self.positions:
            x = self.positions(x, position=position, starts=starts)
        return x, features

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves to Keras's format (`.keras`, `.h5`) or else as a SavedModel.

        Args:
            filepath: "x.keras", or the folder of a SavedModel to be served.
            overwrite: whether to replace what stands there.
            **kwargs: `tokenizer` for a SavedModel, with which a decoder can generate
                and score; others are Keras's.
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
