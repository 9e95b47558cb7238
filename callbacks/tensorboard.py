"""Event files for TensorBoard."""

import os
from time import perf_counter as _now

from .base import Callback

NEED = "TensorBoard writes its files by tensorboardX, which is not there: pip install 'tahr[tensorboard]'"


class TensorBoard(Callback):
    """Writes losses, metrics, the learning rate and the weights' histograms where TensorBoard shows them.

    The folders ``train`` and ``validation`` hold ``epoch_<log>``, and ``batch_<log>`` if asked for. Needs the package
    tensorboardX, which ``pip install 'tahr[tensorboard]'`` brings along.

    Arguments:
        log_dir: the folder, default ``'./logs'``.
        histogram_freq: every how many epochs the weights' histograms are written; default 0, never.
        write_graph: whether to write the model's summary, as a text; default True.
        update_freq: ``'epoch'`` (the default), ``'batch'``, or every how many batches their logs are written, too.
        write_steps_per_second: whether to write how fast training is, default False.
        batch_size, write_grads, write_images, embeddings_freq, embeddings_layer_names, embeddings_metadata,
            embeddings_data, profile_batch: of Keras; may be given, but not switched on.

    Raises:
        ImportError: in training, without tensorboardX. ValueError: for another frequency, and for images, embeddings,
            gradients or profiles, which are not written.

    >>> TensorBoard("runs/first", update_freq=100).update_freq
    100
    """

    kept = ("steps",)

    def __init__(self, log_dir="./logs", histogram_freq=0, write_graph=True, update_freq="epoch",
                 write_steps_per_second=False, batch_size=None, write_grads=False, write_images=False,
                 embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None, embeddings_data=None,
                 profile_batch=0):
        for name, on in (("write_grads", write_grads), ("write_images", write_images), ("profile_batch", profile_batch),
                         ("embeddings_freq", embeddings_freq)):
            if on:
                raise ValueError(f"{name}={on!r}: TensorBoard writes logs, histograms of weights and the model's "
                                 "summary; leave it out")
        if update_freq not in ("epoch", "batch") and (isinstance(update_freq, bool) or not isinstance(update_freq, int)
                                                      or update_freq < 1):
            raise ValueError(f"update_freq must be 'epoch', 'batch' or a positive integer, got {update_freq!r}")
        self.log_dir, self.histogram_freq = os.fspath(log_dir), histogram_freq
        self.write_graph, self.update_freq = write_graph, update_freq
        self.write_steps_per_second = write_steps_per_second
        self.writers, self.steps = {}, 0

    def set_model(self, model):
        super().set_model(model)
        try:
            import tensorboardX
        except ImportError:
            raise ImportError(NEED) from None
        self.make_writer = tensorboardX.SummaryWriter

    def _writer(self, name):
        if name not in self.writers:
            self.writers[name] = self.make_writer(os.path.join(self.log_dir, name))
        return self.writers[name]

    def _write(self, prefix, logs, step):
        """Logs whose names begin with ``val_`` go to the validation's file."""
        for name, value in logs.items():
            if name in ("batch", "size"):
                continue
            writer, tag = self._writer("validation" if name.startswith("val_") else "train"), name.removeprefix("val_")
            if getattr(value, "ndim", 0):       # a metric with a value for each class
                for i, part in enumerate(value):
                    writer.add_scalar(f"{prefix}{tag}_{i}", float(part), step)
            else:
                writer.add_scalar(prefix + tag, float(value), step)

    def on_train_begin(self, logs=None):
        self.steps = 0
        if self.write_graph:
            lines = []
            self.model.summary(print_fn=lines.append)
            self._writer("train").add_text("model", "\n".join("    " + line for line in lines), 0)

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.steps_before = _now(), self.steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        every = {"epoch": 0, "batch": 1}.get(self.update_freq, self.update_freq)
        if every and self.steps % every == 0:
            self._write("batch_", logs or {}, self.steps)

    def on_epoch_end(self, epoch, logs=None):
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        own = {} if rate is None else {"learning_rate": float(rate)}
        if self.write_steps_per_second:
            own["steps_per_second"] = (self.steps - self.steps_before) / max(_now() - self.began, 1e-9)
        self._write("epoch_", {**(logs or {}), **own}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._writer("train").add_histogram(weight.name, weight.numpy(), epoch)
        for writer in self.writers.values():
            writer.flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()
        self.writers = {}
