"""Operations of a compiled function: which ones, how often, and what are products."""

import tensorflow as tf

from benchmarks import xla_profile


def test_operations_are_counted_with_what_they_do():
    x = tf.random.normal([8, 8])

    @tf.function(jit_compile=True)
    def step():
        def again(count, y):
            return count + 1, tf.einsum("ab,cb->ac", tf.nn.softmax(y), x)

        return tf.while_loop(lambda count, _: count < 3, again, (0, tf.tanh(x @ x)))

    step()
    operations = xla_profile.traced(lambda: step()[1].numpy())
    products = [each for each in operations.values() if each.is_product]
    assert sorted(each.calls for each in products) == [1, 3]
    others = [each for each in operations.values() if not each.is_product]
    assert {each.calls for each in others} >= {1, 3}
    assert all(each.milliseconds > 0 for each in operations.values())
    assert not [name for name in operations if name.startswith("while")]
