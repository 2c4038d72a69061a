"""Music one token at a time: the loop around a decoder and its cache."""

from typing import Any, NamedTuple

import tensorflow as tf
from keras import ops

from tfmusic.layers.cache import apply_update
from tfmusic.sampling import samplers
from tfmusic.sampling.grammar_tables import GrammarTables
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.vocabulary import BOS, EOS, PAD


class DecodeState(NamedTuple):
    """All that changes while music is decoded.

    Every index counts tokens from BOS, which is token 0. A token is consumed when
    the model has seen it.

    Attributes:
        tokens: int32 `[B, T]`, BOS, the prime, what was drawn, PAD.
        features: name -> int32 `[B, T]`.
        grammar_states: int32 `[B]`, the state after a row's last token.
        seen: bool `[B, V]`, the ids among a row's tokens.
        ended: bool `[B]`, the rows that will get no more tokens.
        known: `[]`, the number of tokens that every row has.
        start: `[]`, the index of the token in the cache's first row.
        time: `[]`, the index of the next token to be consumed.
        cache: the model's; its rows before `time - start` are filled.
    """

    tokens: tf.Tensor
    features: dict[str, tf.Tensor]
    grammar_states: tf.Tensor
    seen: tf.Tensor
    ended: tf.Tensor
    known: tf.Tensor
    start: tf.Tensor
    time: tf.Tensor
    cache: Any = ()


class DecodeLoop:
    """Continues primes, under `tf.function`, with or without XLA.

    Tokens that every row has are consumed in chunks; where one row's prime is
    longer than another's, the rest of it is consumed token by token while the other
    row is drawn. When the cache is full, its oldest half is dropped and the newest
    is consumed again, so music goes on past any length. Ids that the grammar does
    not allow are never drawn.

    `B` rows, `P` longest prime, `N` most new tokens, `T = 1 + P + N`, `V` ids, `M`
    cache rows. XLA wants B, P and N static, a plain graph does not.

    Args:
        model: a `MusicDecoder`, or what has its `feature_names`, `cache_kinds`,
            `max_length`, `init_cache` and `extend`.
        grammar: the tokenizer's.
        cache_length: most rows in the cache, BOS being one of them; by default the
            model's `max_length`.
        chunk: how many tokens are consumed at once.
        jit_compile: whether XLA will compile the loop; see `apply_update`.

    Raises:
        ValueError: the cache is too short, or the grammar does not fit the model.
    """

    def __init__(
        self,
        model,
        grammar: Grammar,
        cache_length: int | None = None,
        chunk: int = 64,
        jit_compile: bool = False,
    ):
        self.model = model
        self.tables = GrammarTables(grammar, model.feature_names)
        self.cache_length = model.max_length if cache_length is None else cache_length
        self.chunk = chunk
        self.jit_compile = jit_compile
        if self.cache_length < 2:
            raise ValueError(f"cache_length must be 2 or more, not {self.cache_length}")

    def __call__(
        self,
        primes,
        lengths,
        uniforms,
        num_tokens,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_p=0.0,
        repetition_penalty=1.0,
    ):
        """Continues each prime by at most `num_tokens` tokens.

        A row depends on its own prime and uniforms alone, not on its batch.

        Args:
            primes: int32 `[B, P]`, without BOS, padded with PAD; P may be 0.
            lengths: int32 `[B]`, of the primes.
            uniforms: float32 `[N, B]` in [0, 1); row n draws the nth new tokens.
            num_tokens: int32 scalar, N or less.
            temperature, top_k, top_p, min_p, repetition_penalty: scalars, see
                `Sampler`.

        Returns:
            int32 `[B, P + N]`: each prime and, right behind it, its new tokens; the
            last is EOS where the piece ended by itself; then PAD.
        """

        def draw(logits, state):
            """Ids `[B]` for index `state.time`, from logits `[B, V]`."""
            # Before a row's first new token, the drawn id is not used.
            num_new = tf.maximum(state.time - 1 - lengths, 0)  # [B]
            num_new = tf.minimum(num_new, num_uniforms - 1)
            uniform = tf.gather(tf.transpose(uniforms), num_new, batch_dims=1)
            logits = samplers.penalize_repetition(
                logits, state.seen, repetition_penalty
            )
            allowed = self.tables.allowed(state.grammar_states)
            logits = tf.where(allowed, logits, samplers.MASKED)
            ids = samplers.sample(logits, uniform, temperature, top_k, top_p, min_p)
            return tf.where(state.ended, PAD, ids)

        def step(state):
            logits, state = self._consume(state, 1)
            is_new = state.time >= tf.maximum(1 + lengths, state.known)  # [B]
            state = self._write(state, draw(logits[:, -1], state), is_new)
            spent = state.time >= lengths + num_tokens
            return (state._replace(ended=state.ended | (is_new & spent)),)

        def fill_cache(state):
            """Decodes from an empty cache until it is full, then drops half of it."""
            num_rows = self._num_rows(state.tokens)
            # A graph for any number of rows skips the chunks where there are fewer.
            chunk = min(self.chunk, self.cache_length)
            if isinstance(num_rows, int):
                chunk = min(chunk, num_rows)
            empty = self.model.init_cache(ops.shape(primes)[0], num_rows)
            (state,) = tf.while_loop(
                lambda state: state.time + chunk < state.known,
                lambda state: (self._consume(state, chunk)[1],),
                (state._replace(cache=empty),),
            )
            (state,) = tf.while_loop(
                lambda state: (
                    (state.time - state.start < num_rows) & ~tf.reduce_all(state.ended)
                ),
                step,
                (state,),
            )
            start = state.start + num_rows - num_rows // 2
            return (state._replace(start=start, time=start, cache=()),)

        num_uniforms = ops.shape(uniforms)[0]
        state = self._start(primes, lengths, num_uniforms)
        state = state._replace(ended=tf.fill(tf.shape(lengths), num_tokens <= 0))
        (state,) = tf.while_loop(
            lambda state: ~tf.reduce_all(state.ended), fill_cache, (state,)
        )
        return state.tokens[:, 1:]

    def _num_rows(self, tokens):
        """Rows of the cache, no more than will be needed: each costs in every step.

        An integer where T is known. XLA knows it of the loop's variables alone, so it
        is asked of them wherever it is wanted.

        Args:
            tokens: `[B, T]`, of which the last is not consumed.
        """
        needed = ops.shape(tokens)[1] - 1
        if isinstance(needed, int):
            return min(self.cache_length, max(needed, 1))
        return tf.clip_by_value(needed, 1, self.cache_length)

    def _start(self, primes, lengths, num_uniforms) -> DecodeState:
        """The state before anything is consumed; no row has ended."""
        tokens = tf.pad(primes, [[0, 0], [1, 0]], constant_values=BOS)  # [B, 1+P]
        states = self.tables.states(tokens)  # [B, 1+P]
        features = self.tables.features(states, tokens)
        is_prime = tf.sequence_mask(lengths, tf.shape(primes)[1])  # [B, P]
        num_ids = self.tables.grammar.allowed.shape[1]
        seen = tf.one_hot(primes, num_ids, True, False) & is_prime[..., tf.newaxis]
        known = 1 + tf.reduce_min(lengths)
        room = [[0, 0], [0, num_uniforms]]
        padded = tf.pad(tokens, room, constant_values=PAD)  # [B, T]
        # Where decoding from BOS on would have come to.
        num_rows = self._num_rows(padded)
        dropped = num_rows - num_rows // 2
        start = -(tf.maximum(known - num_rows, 0) // -dropped) * dropped
        return DecodeState(
            tokens=padded,
            features={name: tf.pad(x, room) for name, x in features.items()},
            # PAD may never stand, so the last state is that after the prime.
            grammar_states=states[:, -1],
            seen=tf.reduce_any(seen, axis=1),  # [B, V]
            ended=tf.zeros_like(lengths, tf.bool),
            known=known,
            start=start,
            time=start,
        )

    def _consume(self, state, count):
        """Shows the model the next tokens: logits `[B, count, V]` and the state."""
        index = state.time + tf.range(count)
        inputs = {
            name: tf.gather(values, index, axis=1)  # [B, count]
            for name, values in {"tokens": state.tokens, **state.features}.items()
        }
        position = state.time - state.start
        logits, update = self.model.extend(inputs, state.cache, position)
        # Never true of a number, but XLA can't know: so it writes after the last read
        # and in place, where it would copy every cache twice.
        position += tf.cast(logits[0, 0, 0] == float("inf"), tf.int32)
        kinds = self.model.cache_kinds
        cache = apply_update(state.cache, update, position, kinds, self.jit_compile)
        return logits, state._replace(cache=cache, time=state.time + count)

    def _write(self, state, ids, is_new) -> DecodeState:
        """Puts ids `[B]` at index `time` of the rows that `is_new` `[B]` names."""
        here = tf.range(tf.shape(state.tokens)[1]) == state.time  # [T]
        here = here & is_new[:, tf.newaxis]  # [B, T]
        advanced = self.tables.advance(state.grammar_states, ids)
        features = self.tables.features(advanced, ids)
        ids_seen = tf.one_hot(ids, state.seen.shape[1], True, False)
        return state._replace(
            tokens=tf.where(here, ids[:, tf.newaxis], state.tokens),
            features={
                name: tf.where(here, features[name][:, tf.newaxis], values)
                for name, values in state.features.items()
            },
            grammar_states=tf.where(is_new, advanced, state.grammar_states),
            seen=state.seen | (ids_seen & is_new[:, tf.newaxis]),
            ended=state.ended | (is_new & (ids == EOS)),
            known=tf.maximum(state.known, state.time + 1),
        )
