"""Which ids may follow which, and what a model is told of each: as tables."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Grammar:
    """A finite automaton over ids, as pure data.

    Being tables, numpy, a TensorFlow graph and a device's runtime all follow one
    rule. State 0 is the state after BOS. `S` states, `C` classes of ids, `V` ids.

    Attributes:
        classes: int32 `[V]`, the class of each id.
        next_state: int32 `[S, C]`, the state after a token of class C in state S;
            -1 where such a token may not stand.
        state_features: name -> int32 `[S]`, features of the token just consumed
            that follow from the state after it (such as the voice).
        token_features: name -> int32 `[V]`, features that follow from the token
            alone (such as the pitch).
    """

    classes: np.ndarray
    next_state: np.ndarray
    state_features: dict[str, np.ndarray]
    token_features: dict[str, np.ndarray]

    @cached_property
    def allowed(self) -> np.ndarray:
        """bool `[S, V]`: the ids that may be generated next in each state."""
        return self.next_state[:, self.classes] >= 0

    @cached_property
    def _forgiving(self) -> np.ndarray:
        """int32 `[S, C]`: next_state, but -1 keeps the state."""
        stay = np.arange(len(self.next_state), dtype=np.int32)[:, np.newaxis]
        return np.where(self.next_state < 0, stay, self.next_state)

    def advance(self, state: int | np.ndarray, token: int | np.ndarray) -> np.ndarray:
        """The state after a token; a token that may not stand there keeps the state.

        Args:
            state: states, of any shape.
            token: ids, of the same shape.

        Returns:
            int32, of the same shape.
        """
        return self._forgiving[state, self.classes[token]]

    def states(self, ids: np.ndarray) -> np.ndarray:
        """The states that a piece passes through, as `advance` gives them.

        Args:
            ids: `[T]`, without BOS.

        Returns:
            int32 `[T + 1]`: the states after BOS, ids[0], ids[1], ...
        """
        ids = np.asarray(ids, np.int32)
        if len(self.next_state) == 1:
            return np.zeros(len(ids) + 1, np.int32)
        # Each state waits for the one before: plain lists are the quickest loop.
        table = self._forgiving.tolist()
        state = 0
        states = [state]
        for token_class in self.classes[ids].tolist():
            state = table[state][token_class]
            states.append(state)
        return np.array(states, np.int32)

    def features(self, states: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
        """The features of tokens, as the model's inputs name them.

        Args:
            states: the state after each token, of any shape.
            tokens: ids of the same shape, BOS among them.

        Returns:
            name -> int32 array of the same shape.
        """
        by_state = {name: table[states] for name, table in self.state_features.items()}
        by_token = {name: table[tokens] for name, table in self.token_features.items()}
        return by_state | by_token

    def to_dict(self) -> dict:
        """The tables as JSON can hold them."""
        return {
            "classes": self.classes.tolist(),
            "next_state": self.next_state.tolist(),
            "state_features": _to_lists(self.state_features),
            "token_features": _to_lists(self.token_features),
        }

    @classmethod
    def from_dict(cls, data: dict) -> "Grammar":
        """The grammar that `to_dict` described."""
        return cls(
            classes=np.array(data["classes"], np.int32),
            next_state=np.array(data["next_state"], np.int32),
            state_features=_to_arrays(data["state_features"]),
            token_features=_to_arrays(data["token_features"]),
        )


def _to_lists(tables: dict[str, np.ndarray]) -> dict[str, list]:
    return {name: table.tolist() for name, table in tables.items()}


def _to_arrays(tables: dict[str, list]) -> dict[str, np.ndarray]:
    return {name: np.array(table, np.int32) for name, table in tables.items()}
