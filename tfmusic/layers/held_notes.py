"""How long the notes of a grid have been held."""

from keras import ops


def held_steps(pitches, tokens_per_step, max_held):
    """For each token, the steps before it at which its voice had the same pitch.

    Args:
        pitches: int32 `[B, H*V + T]`, of T tokens and those before them; 0 for what is
            no note and no rest, which is never held.
        tokens_per_step: V: the voice's token of the step before is V tokens before.
        max_held: H, where counting ends.

    Returns:
        int32 `[B, T]`, from 0 to H.
    """
    now, before = pitches[:, tokens_per_step:], pitches[:, :-tokens_per_step]
    equal = ops.cast((now == before) & (now > 0), "int32")  # [B, (H-1)*V + T]
    first = (max_held - 1) * tokens_per_step
    time = ops.shape(equal)[1] - first
    run = held = equal[:, first:]  # [B, T]
    for start in range(first - tokens_per_step, -1, -tokens_per_step):
        run = run * equal[:, start : start + time]
        held = held + run
    return held
