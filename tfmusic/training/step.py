"""One optimizer step, the same under every strategy of tf.distribute."""

import keras
import tensorflow as tf

from tfmusic.config import TrainConfig
from tfmusic.training.loss import token_nats
from tfmusic.training.schedule import WarmUpSchedule


def make_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """AdamW with the config's schedule; decay spares biases, norms and embeddings.

    Reference:
        [Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101).
    """
    optimizer = keras.optimizers.AdamW(
        WarmUpSchedule(
            config.learning_rate, config.warmup_steps, config.steps, config.schedule
        ),
        weight_decay=config.weight_decay,
        beta_2=config.beta_2,
        epsilon=1e-9,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "embedding", "table"]
    )
    return optimizer


class TrainStep:
    """Forward, backward, reduction, clipping, update.

    The gradient is that of the summed nats over the *global* sum of weights, so how
    a batch is cut into replicas changes nothing. Clipping acts on the reduced
    gradient for the same reason. XLA compiles the forward and backward pass alone:
    around `strategy.run` it is refused or crashes with several devices.

    Dropout is a function of (seed, step, replica): a resumed run goes on as it would
    have, and no two replicas drop the same units.

    Args:
        model: a MusicDecoder.
        optimizer: of Keras, made under the strategy's scope.
        clip_norm: largest global norm; 0 for no limit.
        label_smoothing: see `token_nats`.
        xla: whether to compile.
    """

    def __init__(self, model, optimizer, clip_norm, label_smoothing=0.0, xla=False):
        self.model = model
        self.optimizer = optimizer
        self.trainable_variables = model.trainable_variables
        self._dropout_states = [
            variable
            for variable in model.non_trainable_variables
            if variable.name == "seed_generator_state"
        ]
        self._dropout_seeds = [int(state.numpy()[0]) for state in self._dropout_states]
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self._gradients = tf.function(self._loss_and_gradients, jit_compile=xla)

    def train_step(self, batch):
        """One replica's step, called inside `strategy.run`.

        Args:
            batch: this replica's `(inputs, targets, weights)`.

        Returns:
            This replica's sum of nats and sum of weights, without smoothing, and the
            global norm of the gradient before clipping.
        """
        inputs, targets, weights = batch
        replica = tf.distribute.get_replica_context()
        self._set_dropout(replica)
        total = replica.all_reduce("sum", tf.reduce_sum(weights))
        nats, gradients = self._gradients(inputs, targets, weights, total)
        gradients = replica.all_reduce("sum", gradients)
        norm = tf.linalg.global_norm(gradients)
        # `apply` sums over replicas once more, over gradients that are equal now.
        scale = 1.0 / replica.num_replicas_in_sync
        if self.clip_norm:
            scale *= tf.minimum(1.0, self.clip_norm / tf.maximum(norm, 1e-12))
        gradients = [gradient * scale for gradient in gradients]
        self.optimizer.apply(gradients, self.trainable_variables)
        return nats, tf.reduce_sum(weights), norm

    def _set_dropout(self, replica):
        # Checkpoints don't hold Keras's counters of random draws, so each step sets
        # them from its own number.
        draw = tf.cast(self.optimizer.iterations.value, tf.int32)
        draw *= replica.num_replicas_in_sync
        draw += replica.replica_id_in_sync_group
        for state, seed in zip(self._dropout_states, self._dropout_seeds, strict=True):
            state.assign(tf.stack([seed, draw]))

    def _loss_and_gradients(self, inputs, targets, weights, total):
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            nats = token_nats(logits, targets, self.label_smoothing)
            loss = tf.reduce_sum(nats * weights) / total
        variables = [variable.value for variable in self.trainable_variables]
        gradients = tape.gradient(loss, variables)
        if self.label_smoothing:
            nats = token_nats(logits, targets)
        # Embeddings' gradients are IndexedSlices, which have no place in a norm.
        return (
            tf.reduce_sum(nats * weights),
            [tf.convert_to_tensor(gradient) for gradient in gradients],
        )
