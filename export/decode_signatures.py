"""What a decoder's signatures take and return: a step, or a chunk, with its cache."""

import tensorflow as tf


def cache_kinds(model) -> dict[str, str]:
    """The cache's tensors by name, "<layer>_<index>", and what they are."""
    return {
        f"{layer}_{index}": kind
        for layer, kinds in enumerate(model.cache_kinds)
        for index, kind in enumerate(kinds)
    }


def extend_function(model, count):
    """`model.extend` of `count` tokens on flat, named tensors."""
    cache = model.init_cache(1, 1)
    kinds = cache_kinds(model)
    names = list(kinds)
    spec = {
        name: tf.TensorSpec([1, count], tf.int32, name)
        for name in ("tokens", *model.feature_names)
    }
    spec["position"] = tf.TensorSpec([], tf.int32, "position")
    for name, tensor in zip(names, tf.nest.flatten(cache), strict=True):
        shape = list(tensor.shape)
        if kinds[name] == "rows":
            shape[-2] = None  # M
        spec[f"cache_{name}"] = tf.TensorSpec(shape, tensor.dtype, f"cache_{name}")

    def extend(position, **inputs):
        flat = [inputs.pop(f"cache_{name}") for name in names]
        cache = tf.nest.pack_sequence_as(model.cache_kinds, flat)
        logits, update = model.extend(inputs, cache, position)
        updates = {
            f"update_{name}": tensor
            for name, tensor in zip(names, tf.nest.flatten(update), strict=True)
        }
        return {"logits": logits, **updates}

    return tf.function(extend, autograph=False).get_concrete_function(**spec)
