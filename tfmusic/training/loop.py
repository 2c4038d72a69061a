"""The steps of a training, and what is done between them."""

import contextlib
import signal
from collections.abc import Callable

from tfmusic.config import TrainConfig
from tfmusic.training import checks, run
from tfmusic.training.interruption import Interruption, Signals, Stop
from tfmusic.training.log import TrainingLog
from tfmusic.training.losses import Losses
from tfmusic.training.progress import Progress
from tfmusic.training.state import TrainingState
from tfmusic.training.step import make_schedule


class Loop:
    """Goes through the steps that are left.

    What is logged, evaluated and saved depends on the step's number alone, and at one
    step it comes in this order: so a run that was killed anywhere goes on from its
    checkpoint as if it had not been.

    Args:
        state: what is trained.
        config: of the training.
        model_dir: the run's folder.
        execute: called with a number of steps and whether this process was told to
            end, does them, see `Execution`.
        steps_per_execution: most steps in one call.
        evaluator: returns the scores of the model's weights.
        progress: what is shown.
        chief: whether this process writes.
        watch: see `train`.
        shared: whether other processes take part.
    """

    def __init__(
        self,
        state: TrainingState,
        config: TrainConfig,
        model_dir: str,
        execute: Callable,
        steps_per_execution: int,
        evaluator,
        progress: Progress,
        chief: bool = True,
        watch=None,
        shared: bool = False,
    ):
        self.state = state
        self.config = config
        self.model_dir = model_dir
        self.execute = execute
        self.steps_per_execution = steps_per_execution
        self.evaluator = evaluator
        self.progress = progress
        self.chief = chief
        self.watch = watch
        self.best = run.read_best(model_dir)
        self.saved_step = state.first_step
        self.shared = shared
        self._schedule = make_schedule(config)
        self._told_before = None  # in the last call, how many

    def run(self) -> dict:
        """Trains to the last step.

        Returns:
            Step and scores of the best weights.

        Raises:
            UserError: the loss is not finite, or the folder can't be written to.
            Interruption: after SIGTERM or SIGINT; the state is saved.
        """
        done = self.state.first_step
        with (
            TrainingLog(self.model_dir, done, self.chief) as self.log,
            Signals() as self.signals,
        ):
            self.losses = Losses(self.log.interrupted_steps)
            try:
                if self._owes_evaluation():
                    self._evaluate(done)
                while done < self.config.steps:
                    num_steps = self._num_steps(done)
                    *columns, told = self.execute(num_steps, self._is_told_to_end())
                    self.losses.add(*columns)
                    done += num_steps
                    self._count(done, num_steps)
                    self._look_after(done)
                    self._check_signals(told)
            except Stop:
                self._save_interrupted(done)
                received = self.signals.received or signal.SIGTERM
                raise Interruption(received, done) from None
        return self.best

    def _is_told_to_end(self):
        return self.signals.received is not None

    def _check_signals(self, told):
        """Raises Stop after a signal: in every process after the same step.

        Of several, one call of the graph later, when what it says of all of them is
        there without waiting.
        """
        if not self.shared:
            self.signals.check()
        elif self._told_before is not None and self._told_before[-1] > 0:
            raise Stop
        self._told_before = told

    def _owes_evaluation(self):
        """Whether the run was stopped between a step and its evaluation."""
        done, lines = self.state.first_step, self.log.lines
        due = done >= self.config.steps or done % self.config.evaluate_every == 0
        scored = any(
            (line["on"], line["step"]) == ("validation", done) for line in lines
        )
        return done > 0 and due and not (scored and self.best)

    def _num_steps(self, done):
        """Steps in the next call: never past one after which something is due."""
        config = self.config
        if done == self.state.first_step:
            return 1  # compiles; the clocks start then
        dues = (config.evaluate_every, config.checkpoint_every, config.log_every)
        left = (config.steps - done, *(every - done % every for every in dues))
        return min(self.steps_per_execution, *left)

    def _count(self, done, num_steps):
        if done == self.state.first_step + 1:
            self.losses.numbers()  # waits for the step, which was compiled
            self.progress.started()
        else:
            tokens = self.config.batch_size * self.config.length
            self.progress.count(num_steps * tokens)

    def _look_after(self, done):
        """What is due after a step."""
        config = self.config
        last = done == config.steps
        evaluate = last or done % config.evaluate_every == 0
        save = last or done % config.checkpoint_every == 0
        if evaluate or save or done % config.log_every == 0:
            self._write_line(done, show=evaluate or save)
        if evaluate:
            self._evaluate(done)
        if save:
            self._save(done)

    def _write_line(self, done, show):
        self._check_losses(done)
        line = self.losses.line()
        skipped = line["skipped"]
        if not self.config.skip_non_finite:
            del line["skipped"]
        updates = int(self.state.optimizer.iterations.numpy())
        line["learning_rate"] = self._learning_rate(max(updates, 1))
        line["tokens_per_second"] = self.progress.tokens_per_second
        self.log.write(done, "train", line)
        if show or self.progress.is_due():
            self.progress.show(done, line.get("nats_per_token", float("nan")))
        if skipped:
            self.progress.say(
                f"step {done}: {skipped} steps skipped, their gradients were not "
                f"finite ({done - updates} of {done} in all)"
            )

    def _check_losses(self, done):
        if not self.config.skip_non_finite:
            self.losses.check(done, self._learning_rate)

    def _learning_rate(self, update):
        """That of an update, from 1; without steps that are skipped, of a step."""
        return float(self._schedule(update - 1))

    def _evaluate(self, done):
        average = self.state.average
        with (
            self.progress.paused(),
            average.in_place() if average else contextlib.nullcontext(),
        ):
            # Of several processes, none may leave the others in the middle.
            checks_in = (lambda line: None) if self.shared else self.signals.check
            scores = self.evaluator(checks_in)
            score = scores["nats_per_token"]
            checks.check_finite(done, score, self._learning_rate)
            better = not self.best or score < self.best["nats_per_token"]
            if better:
                self.best = {"step": done, **scores}
                if self.chief:
                    run.check_there(self.model_dir)
                    run.save_best(self.state.model, self.model_dir, self.best)
            # Not before: a run that was killed here evaluates again.
            self.log.write(done, "validation", scores)
            self.progress.say(
                f"step {done}: validation {score:.4f} nats/token, "
                f"accuracy {scores['accuracy']:.1%}"
                + (" (best so far)" if better else "")
            )
            if self.watch and self.chief:
                self.watch.after_evaluation(done, scores, self.log)

    def _save(self, done):
        checks.check_weights(done, self.state.model)
        if self.chief:
            run.check_there(self.model_dir)
        self.state.checkpoints.save(done)
        self.saved_step = done

    def _save_interrupted(self, done):
        if done == self.saved_step:
            return
        self._check_losses(done)
        self.log.write_interruption(done, self.losses.numbers())
        self._save(done)
