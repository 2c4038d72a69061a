"""The signatures of a SavedModel, as graphs whose batch and length are open."""

import tensorflow as tf

from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.sampling import DecodeLoop
from tfmusic.sampling.grammar_tables import GrammarTables
from tfmusic.tokenizers import BOS, PAD, Tokenizer
from tfmusic.training.loss import token_nats


def logits_from_features(
    model: MusicTransformer, length: int | None = None, batch: int | None = None
):
    """A model alone: tokens and features to logits.

    Args:
        model: a decoder or an infiller.
        length: T, where it is not open.
        batch: B, where it is not open.
    """

    @tf.function(autograph=False)
    def logits(**inputs):
        return {"logits": model(inputs)}

    names = ("tokens", *model.feature_names)
    return logits.get_concrete_function(
        **{name: _spec([batch, length], tf.int32, name) for name in names}
    )


class TokenSignatures:
    """The signatures of a decoder that has its tokenizer, whose grammar gives features.

    Args:
        model: a decoder in float32.
        tokenizer: the one that it was trained with.

    Attributes:
        continue_primes: `DecodeLoop`, with every shape open.
    """

    def __init__(self, model, tokenizer: Tokenizer):
        self.model = model
        self.tables = GrammarTables(tokenizer.grammar, model.feature_names)
        self.continue_primes = tf.function(
            DecodeLoop(model, tokenizer.grammar).__call__,
            input_signature=[
                _spec([None, None], tf.int32, "primes"),
                _spec([None], tf.int32, "lengths"),
                _spec([None, None], tf.float32, "uniforms"),
                _spec([], tf.int32, "num_tokens"),
                _spec([], tf.float32, "temperature"),
                _spec([], tf.int32, "top_k"),
                _spec([], tf.float32, "top_p"),
                _spec([], tf.float32, "min_p"),
                _spec([], tf.float32, "repetition_penalty"),
            ],
            autograph=False,
        )

    def concrete_functions(self) -> dict:
        """Each signature's name and concrete function."""
        specs = {
            "serving_default": (self._logits, {"tokens": ([None, None], tf.int32)}),
            "score": (self._score, {"ids": ([None, None], tf.int32)}),
            "generate": (
                self._generate,
                {
                    "prime": ([None, None], tf.int32),
                    "length": ([], tf.int32),
                    "temperature": ([], tf.float32),
                    "top_k": ([], tf.int32),
                    "top_p": ([], tf.float32),
                    "seed": ([], tf.int32),
                },
            ),
        }
        return {
            signature: tf.function(function, autograph=False).get_concrete_function(
                **{name: _spec(*spec, name) for name, spec in inputs.items()}
            )
            for signature, (function, inputs) in specs.items()
        }

    def _logits(self, tokens):
        inputs = {"tokens": tokens}
        if self.model.feature_names:
            states = self.tables.states(tokens)
            inputs |= self.tables.features(states, tokens)
        return {"logits": self.model(inputs)}

    def _score(self, ids):
        # Each id is read off the logits after the one before it, the first after BOS.
        tokens = tf.pad(ids, [[0, 0], [1, 0]], constant_values=BOS)[:, :-1]
        nats = token_nats(self._logits(tokens)["logits"], ids)  # [B, T]
        return {"nats": tf.where(ids == PAD, 0.0, nats)}

    def _generate(self, prime, length, temperature, top_k, top_p, seed):
        lengths = tf.reduce_sum(tf.cast(prime != PAD, tf.int32), axis=1)  # [B]
        shape = tf.stack([length, tf.shape(prime)[0]])
        # The same on every device, which the default algorithm isn't, nor under XLA.
        uniforms = tf.random.stateless_uniform(
            shape, tf.stack([seed, 0]), alg="philox"
        )  # [length, B]
        ids = self.continue_primes(
            prime, lengths, uniforms, length, temperature, top_k, top_p, 0.0, 1.0
        )
        return {"ids": ids}


def _spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name)
