"""A tokenizer's grammar inside a TensorFlow graph."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.tokenizers.grammar import Grammar


class GrammarTables:
    """The same automaton as `Grammar`, on tensors, its tables being constants.

    `B` rows, `T` time, `S` states, `V` ids.

    Args:
        grammar: the tokenizer's.
        feature_names: the features that the model takes.

    Raises:
        ValueError: the grammar lacks one of the features.
    """

    def __init__(self, grammar: Grammar, feature_names: Sequence[str]):
        known = {**grammar.state_features, **grammar.token_features}
        missing = sorted(set(feature_names) - set(known))
        if missing:
            raise ValueError(
                f"the model takes the features {missing}, the tokenizer's grammar "
                f"gives {sorted(known)}"
            )
        self.grammar = grammar
        self.feature_names = tuple(feature_names)
        states, ids = np.indices(grammar.allowed.shape)
        self._next_state = grammar.advance(states, ids)  # [S, V]

    def allowed(self, states):
        """bool `[B, V]`: the ids that may come next in states `[B]`."""
        return tf.gather(self.grammar.allowed, states)

    def advance(self, states, tokens):
        """int32 `[B]`: the states after tokens `[B]`, forgiving as the grammar is."""
        return tf.gather_nd(self._next_state, tf.stack([states, tokens], axis=-1))

    def states(self, tokens):
        """int32 `[B, T]`: the states after each of `[B, T]` tokens, BOS first."""
        # BOS may never stand, so it leaves state 0, which is the state after BOS.
        states = tf.scan(
            self.advance, tf.transpose(tokens), tf.zeros_like(tokens[:, 0])
        )  # [T, B]
        return tf.transpose(states)

    def features(self, states, tokens):
        """The model's features of tokens, given the states after them.

        Args:
            states: int32, of any shape.
            tokens: int32, of the same shape.

        Returns:
            name -> int32 of the same shape.
        """
        by_state, by_token = self.grammar.state_features, self.grammar.token_features
        return {
            name: tf.gather(by_state[name], states)
            if name in by_state
            else tf.gather(by_token[name], tokens)
            for name in self.feature_names
        }
