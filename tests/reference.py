"""The layers and the model once more, naively: numpy, float64, loops over tokens.

Nothing here is quick or clever, and nothing calls the package. Hidden vectors are
`[T, D]`: one sequence, no batch. Weights are dicts of arrays, named as Keras does.
"""

import math

import numpy as np


def weights_of(layer):
    """The float64 weights of a layer or model, by path: "query_key_value/kernel"."""
    weights = {weight.path: weight.numpy() for weight in layer.weights}
    return {
        path.removeprefix(f"{layer.name}/"): value.astype("float64")
        for path, value in weights.items()
    }


def within(weights, name):
    """The weights of a sublayer, by path within it."""
    prefix = f"{name}/"
    return {
        path.removeprefix(prefix): value
        for path, value in weights.items()
        if path.startswith(prefix)
    }


def column(distance, num_distances):
    """Where a distance stands: 0 is in the last column, those too far in the first."""
    return max(num_distances - 1 - distance, 0)


def clipped_distances(logits, num_distances):
    """`[..., L]` to `[..., num_distances]`, distance by distance."""
    known = logits.shape[-1]
    out = np.zeros((*logits.shape[:-1], num_distances))
    for distance in range(num_distances):
        source = logits[..., column(distance, known)]
        out[..., column(distance, num_distances)] = source
    return out


def absolute_logits(logits):
    """`[T, L]` by distance to `[T, T]` by key; zero where the key is later."""
    time, num_distances = logits.shape
    out = np.zeros((time, time))
    for query in range(time):
        for key in range(query + 1):
            out[query, key] = logits[query, column(query - key, num_distances)]
    return out


def cached_logits(logits, position, num_rows):
    """`[T, L]` by distance to `[T, M]` by cache row; zero where it is not filled."""
    time, num_distances = logits.shape
    out = np.zeros((time, num_rows))
    for query in range(time):
        for row in range(position):
            distance = position + query - row
            out[query, row] = logits[query, column(distance, num_distances)]
    return out


def softmax(logits):
    exponentials = np.exp(logits - np.max(logits))
    return exponentials / exponentials.sum()


def attention(x, weights, num_heads, voices=None, pitches=None):
    """Causal attention, relative where there are embeddings for it: `[T, D]`.

    Four voices a step make relative time: `voices` `[T]` from 1, 0 for none.
    """
    kernel = weights["query_key_value/kernel"]  # [D, 3*N*H]
    bias = weights.get("query_key_value/bias", np.zeros(kernel.shape[1]))
    table = weights.get("distance_embedding")  # [N, L, H]
    key_dim = kernel.shape[1] // (3 * num_heads)
    heads = np.zeros((len(x), num_heads, key_dim))
    for head in range(num_heads):
        query, key, value = (
            x @ kernel[:, first : first + key_dim] + bias[first : first + key_dim]
            for first in (np.arange(3) * num_heads + head) * key_dim
        )
        for now in range(len(x)):
            logits = np.zeros(now + 1)
            for then in range(now + 1):
                relative = 0.0
                if table is not None:
                    distance = min(now - then, table.shape[1] - 1)
                    embedding = table[head, column(distance, table.shape[1])]
                    if voices is not None:
                        steps = weights["step_embedding"]
                        later = distance - max(voices[now] - 1, 0)
                        index = column(max(-(-later // 4), 0), steps.shape[1])
                        embedding = embedding + steps[head, index]
                    if pitches is not None:
                        intervals = weights["interval_embedding"]
                        row = 0
                        if min(pitches[now], pitches[then]) >= 2:
                            row = pitches[then] - pitches[now] + intervals.shape[1] // 2
                        embedding = embedding + intervals[head, row]
                    relative = query[now] @ embedding
                logits[then] = (query[now] @ key[then] + relative) / key_dim**0.5
            heads[now, head] = softmax(logits) @ value[: now + 1]
    concatenated = heads.reshape(len(x), num_heads * key_dim)
    return concatenated @ weights["output/kernel"] + weights["output/bias"]


def projections(x, weights, num_heads):
    """Scaled queries, keys and values, `[N, T, H]` each, of `[T, D]`."""
    kernel = weights["query_key_value/kernel"]  # [D, 3*N*H]
    bias = weights.get("query_key_value/bias", np.zeros(kernel.shape[1]))
    parts = np.split(x @ kernel + bias, 3 * num_heads, axis=1)  # [T, H] each
    key_dim = parts[0].shape[1]
    query, key, value = (
        np.array(parts[first : first + num_heads])
        for first in (0, num_heads, 2 * num_heads)
    )
    return query / key_dim**0.5, key, value


def shaw_attention(x, weights, num_heads):
    """Causal attention with embeddings of distances in keys and values: `[T, D]`."""
    queries, keys, values = projections(x, weights, num_heads)  # [N, T, H] each
    key_table = weights["key_embedding"][0]  # [L, H]
    value_table = weights["value_embedding"][0]
    heads = np.zeros(queries.shape)
    for head, now in np.ndindex(queries.shape[:2]):
        rows = [column(now - then, len(key_table)) for then in range(now + 1)]
        logits = (keys[head, : now + 1] + key_table[rows]) @ queries[head, now]
        seen = values[head, : now + 1] + value_table[rows]
        heads[head, now] = softmax(logits) @ seen
    return combination(heads, weights)


def window_attention(x, weights, num_heads, sees):
    """Attention to few keys: `[T, D]`.

    `sees(head, time)` gives the pairs of a key's time and its distance in the table.
    """
    queries, keys, values = projections(x, weights, num_heads)  # [N, T, H] each
    table = weights["distance_embedding"]  # [N, L, H]
    heads = np.zeros(queries.shape)
    for head, now in np.ndindex(queries.shape[:2]):
        pairs = sees(head, now)
        rows = [column(distance, table.shape[1]) for _, distance in pairs]
        times = [then for then, _ in pairs]
        logits = (keys[head, times] + table[head, rows]) @ queries[head, now]
        heads[head, now] = softmax(logits) @ values[head, times]
    return combination(heads, weights)


def combination(heads, weights):
    """`[T, D]` of what the heads found, `[N, T, H]`."""
    concatenated = np.concatenate(list(heads), axis=1)
    return concatenated @ weights["output/kernel"] + weights["output/bias"]


def layer_norm(x, weights):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * weights["gamma"] + weights["beta"]


def convolution(x, kernel):
    """`[T, D]`: each feature's past, weighted by lag with the rows of `kernel`."""
    out = np.zeros(x.shape)
    for now in range(len(x)):
        for then in range(now + 1):
            out[now] += kernel[now - then] * x[then]
    return out


def fourier_kernel(spectrum, period, windows, num_lags):
    """`[num_lags, D]` of a spectrum `[W, P, D]`: cosines first, then sines."""
    kernel = np.zeros((num_lags, spectrum.shape[-1]))
    for lag in range(num_lags):
        for window, rows in zip(windows, spectrum, strict=True):
            waves = [(math.cos, wave) for wave in range(period // 2 + 1)]
            waves += [(math.sin, wave) for wave in range(1, (period + 1) // 2)]
            for (function, wave), row in zip(waves, rows, strict=True):
                angle = 2 * math.pi * wave * lag / period
                kernel[lag] += math.exp(-lag / window) * function(angle) * row
    return kernel


def fourier_convolution(x, weights, period, windows):
    """Gated values, convolved, gated again and projected: `[T, D]`."""
    projected = x @ weights["input/kernel"] + weights["input/bias"]
    value, value_gate, gate = np.split(projected, 3, axis=-1)
    kernel = fourier_kernel(weights["spectrum"], period, windows, len(x))
    y = gate * convolution(value * value_gate, kernel)
    return y @ weights["output/kernel"] + weights["output/bias"]


def held_steps(pitches, tokens_per_step, max_held):
    """Of each of `[T]` pitches, the equal ones of its voice just before, counted."""
    counts = []
    for index, pitch in enumerate(pitches):
        voice = list(pitches[index % tokens_per_step : index : tokens_per_step])
        count = 0
        while count < max_held and voice and voice.pop() == pitch > 0:
            count += 1
        counts.append(count)
    return np.array(counts)


ACTIVATIONS = {
    "gelu": np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "relu": np.vectorize(lambda x: max(x, 0.0)),
}


def feed_forward(x, weights, activation):
    x = x @ weights["intermediate/kernel"] + weights["intermediate/bias"]
    x = ACTIVATIONS[activation](x)
    return x @ weights["output/kernel"] + weights["output/bias"]


def block(x, weights, num_heads, activation):
    """Pre-norm: each half adds to the stream what it makes of the normalized one."""
    y = layer_norm(x, within(weights, "mixer_norm"))
    x = x + attention(y, within(weights, "mixer"), num_heads)
    y = layer_norm(x, within(weights, "feed_forward_norm"))
    return x + feed_forward(y, within(weights, "feed_forward"), activation)


def sinusoids(num_positions, dim):
    """`[T, D]`: wave i has the rate 10000^(-i / (D/2)); all sines, then all cosines."""
    half = math.ceil(dim / 2)
    out = np.zeros((num_positions, dim))
    for position in range(num_positions):
        for index in range(dim):
            angle = position / 10_000 ** (index % half / half)
            out[position, index] = math.sin(angle) if index < half else math.cos(angle)
    return out


def concatenated_sinusoids(x, weights):
    """`[T, D]`: steps `[T, D]` and their sinusoids, projected together."""
    both = np.concatenate([x, sinusoids(*x.shape)], axis=-1)
    kernel = np.concatenate([weights["embedding/kernel"], weights["wave/kernel"]])
    return both @ kernel + weights["embedding/bias"]


def decoder(inputs, weights, config):
    """Logits `[T, V]` of a `ModelConfig`'s model for `[T]` tokens and features."""
    time, dim = len(inputs["tokens"]), config.hidden_dim
    x = weights["token_embedding/embeddings"][inputs["tokens"]]
    for name in config.features:
        x = x + weights[f"{name}_embedding/embeddings"][inputs[name]]
    if config.positions == "learned":
        last = config.max_length - 1
        rows = [min(position, last) for position in range(time)]
        x = x + weights["positions/table"][rows]
    elif config.positions == "sinusoidal":
        x = x + sinusoids(time, dim)
    elif config.positions == "concatenated":
        x = concatenated_sinusoids(x, within(weights, "positions"))
    for index in range(config.num_layers):
        inside = within(weights, f"block_{index}")
        x = block(x, inside, config.num_heads, config.activation)
    x = layer_norm(x, within(weights, "norm"))
    return x @ weights["logits/kernel"] + weights["logits/bias"]


def fourier_mixing(x):
    """The real part of the DFT over time and features, scaled by `sqrt(T D / 2)`."""
    time, dim = x.shape
    sums = np.zeros((time, dim))
    for t in range(time):
        for k in range(dim):
            for n in range(time):
                for d in range(dim):
                    turns = t * n / time + k * d / dim
                    sums[t, k] += x[n, d] * math.cos(2 * math.pi * turns)
    return sums / math.sqrt(time * dim / 2)


def causal_fourier_sums(x, period):
    """`Re sum_{n<=t} exp(-2 pi i t n / N) h_n`, h the DFT over features."""
    time, dim = x.shape
    sums = np.zeros((time, dim))
    for t in range(time):
        for n in range(t + 1):
            for k in range(dim):
                features = np.exp(-2j * np.pi * k * np.arange(dim) / dim)
                h = np.sum(x[n] * features)
                sums[t, k] += (np.exp(-2j * np.pi * (t * n % period) / period) * h).real
    return sums


def causal_fourier_mixing(x, period):
    """The sums, each over the square root of what it adds up."""
    counts = np.arange(1, len(x) + 1)[:, None] * x.shape[1] / 2
    return causal_fourier_sums(x, period) / np.sqrt(counts)
