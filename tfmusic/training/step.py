"""One optimizer step, the same under all strategies."""

import keras
import tensorflow as tf

from tfmusic.config import TrainConfig
from tfmusic.training.conditional import call_if
from tfmusic.training.loss import token_nats
from tfmusic.training.schedule import WarmUpSchedule


def make_schedule(config: TrainConfig) -> WarmUpSchedule:
    """The config's learning rate, a function of the updates done before."""
    return WarmUpSchedule(
        config.learning_rate, config.warmup_steps, config.steps, config.schedule
    )


def make_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """The config's optimizer and schedule; decay spares biases, norms and embeddings.

    Reference:
        [Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101) (AdamW);
        [Liu et al., 2025](https://arxiv.org/abs/2502.16982), section 2 (Muon, scaled
        so that AdamW's rates and decays suit it).
    """
    rate = make_schedule(config)
    decay, epsilon = config.weight_decay, 1e-9
    if config.optimizer == "muon":
        optimizer = keras.optimizers.Muon(
            rate,
            adam_beta_2=config.beta_2,
            adam_weight_decay=decay,
            epsilon=epsilon,
            weight_decay=decay,
            exclude_layers=["logits"],
        )
    else:
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=decay, beta_2=config.beta_2, epsilon=epsilon
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

    Dropout is a function of (seed, step, replica, micro-batch): a resumed run goes on
    as it would have, and no two replicas drop the same units.

    Args:
        model: a MusicDecoder.
        optimizer: of Keras, made under the strategy's scope.
        clip_norm: largest global norm; 0 for no limit.
        label_smoothing: see `token_nats`.
        xla: whether to compile.
        accumulation: micro-batches that a replica's rows are computed in, one after
            the other, so that activations take one micro-batch's memory; without
            dropout, the gradient is the whole batch's.
        average: a WeightAverage to keep up to date, or None.
        skip_non_finite: whether a step whose gradient is not finite leaves weights,
            optimizer and average as they were.
        teacher: a Teacher to learn from as well, or None.
    """

    def __init__(
        self,
        model,
        optimizer,
        clip_norm,
        label_smoothing=0.0,
        xla=False,
        accumulation=1,
        average=None,
        skip_non_finite=False,
        teacher=None,
    ):
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
        self.accumulation = accumulation
        self.average = average
        self.skip_non_finite = skip_non_finite
        self.teacher = teacher
        self._gradients = tf.function(self._loss_and_gradients, jit_compile=xla)

    def train_step(self, batch):
        """One replica's step, called inside `strategy.run`.

        Args:
            batch: this replica's `(inputs, targets, weights)`.

        Returns:
            This replica's sum of nats and sum of weights, of the music alone without
            smoothing or teacher, and the global norm of the gradient before clipping.
        """
        _, _, weights = batch
        replica = tf.distribute.get_replica_context()
        total = replica.all_reduce("sum", tf.reduce_sum(weights))
        nats, gradients = self._gradients(batch, total, self._first_draw(replica))
        gradients = replica.all_reduce("sum", gradients)
        norm = tf.linalg.global_norm(gradients)
        # `apply` sums over replicas once more, over gradients that are equal now.
        scale = 1.0 / replica.num_replicas_in_sync
        if self.clip_norm:
            scale *= tf.minimum(1.0, self.clip_norm / tf.maximum(norm, 1e-12))
        gradients = [gradient * scale for gradient in gradients]
        if self.skip_non_finite:
            call_if(tf.math.is_finite(norm), self._update, gradients)
        else:
            self._update(gradients)
        return nats, tf.reduce_sum(weights), norm

    def _update(self, gradients):
        self.optimizer.apply(gradients, self.trainable_variables)
        if self.average:
            self.average.update(tf.cast(self.optimizer.iterations.value, tf.float32))

    def _first_draw(self, replica):
        """The number of this step's and replica's first micro-batch among all."""
        draw = tf.cast(self.optimizer.iterations.value, tf.int32)
        draw *= replica.num_replicas_in_sync
        draw += replica.replica_id_in_sync_group
        return draw * self.accumulation

    def _loss_and_gradients(self, batch, total, draw):
        """Nats and gradients, summed over micro-batches."""
        if self.accumulation == 1:
            return self._of_micro_batch(batch, total, draw)
        parts = tf.nest.map_structure(
            lambda x: tf.reshape(x, [self.accumulation, -1, *x.shape[1:]]), batch
        )

        def add(index, *sums):
            part = tf.nest.map_structure(lambda x: x[index], parts)
            nats, gradients = self._of_micro_batch(part, total, draw + index)
            more = (nats, *gradients)
            return index + 1, *(a + b for a, b in zip(sums, more, strict=True))

        # A loop, not a sum of A graphs: no two micro-batches are in memory at once.
        zeros = [tf.zeros(variable.shape) for variable in self.trainable_variables]
        _, nats, *gradients = tf.while_loop(
            lambda index, *_: index < self.accumulation, add, (0, 0.0, *zeros)
        )
        return nats, gradients

    def _of_micro_batch(self, batch, total, draw):
        inputs, targets, weights = batch
        self._set_dropout(draw)
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            nats = token_nats(logits, targets, self.label_smoothing)
            if self.teacher:
                nats = self.teacher.blend(nats, inputs, logits, draw)
            loss = tf.reduce_sum(nats * weights) / total
        variables = [variable.value for variable in self.trainable_variables]
        gradients = tape.gradient(loss, variables)
        if self.label_smoothing or self.teacher:
            nats = token_nats(logits, targets)
        # Embeddings' gradients are IndexedSlices, which have no place in a norm.
        return (
            tf.reduce_sum(nats * weights),
            [tf.convert_to_tensor(gradient) for gradient in gradients],
        )

    def _set_dropout(self, draw):
        # Checkpoints don't hold Keras's counters of random draws, so each step sets
        # them from its own number.
        for state, seed in zip(self._dropout_states, self._dropout_seeds, strict=True):
            state.assign(tf.stack([seed, draw]))
