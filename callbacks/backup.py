"""Going on with a training that broke off."""

import contextlib
import os
import pathlib
import re
import shutil
import warnings
import weakref

from ..utils.errors import ModelFileError
from ..utils.files import replacing
from ..utils.state_files import read_state, write_state
from .base import Callback

STATE, PREVIOUS = "training_state.npz", "previous_state.npz"


class BackupAndRestore(Callback):
    """Writes the state of the training down, and goes on from there when the same program is started again.

    After a crash, the same ``fit`` with the same data takes up at the epoch, or batch, of the last backup: weights,
    slots and counters of the optimizer, learning rate, random numbers, metrics so far, the history and the state of the
    other callbacks. What comes out is what an uninterrupted run gives, with data in arrays or in a ``Sequence`` that is
    not shuffled: bit by bit where steps are computed in one way (``run_eagerly=True``, or ``TAHR_NUMBA=0``), else up to
    the rounding of the few steps that a process computes before it has compiled them. A generator begins anew; the
    batches of a broken-off epoch are taken from it and left out.

    Arguments:
        backup_dir: a folder for this training alone; made when missing.
        save_freq: ``'epoch'`` (the default), or every how many batches.
        double_checkpoint: whether the backup before the last is kept too, and used where the last is damaged; default
            False. A crash while a backup is written never damages it: it takes the old one's place when it is whole.
        delete_checkpoint: whether the backup is deleted when training has come to its end, default True.

    Raises:
        ValueError: for another frequency. ModelFileError: in training, for a backup of another model, and for one that
            is damaged.

    >>> BackupAndRestore("backup", save_freq=100).save_freq
    100
    """

    comes_last = True

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f"save_freq must be 'epoch' or a positive integer, got {save_freq!r}")
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        if not self.backup_dir:
            raise ValueError("backup_dir must be the path of a folder, got an empty one")
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.epoch = self.seen = self.waiting = 0
        self.began = self.state = None
        self.ended = False

    _list = lambda self: None

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_list"}

    @property
    def of_batches(self):
        """Whether it has to be called at batches."""
        return self.save_freq != "epoch"

    @property
    def path(self):
        """The file of the last backup."""
        return os.path.join(self.backup_dir, STATE)

    def set_list(self, callbacks):
        self._list = weakref.ref(callbacks)

    # The moments

    def on_train_begin(self, logs=None):
        os.makedirs(self.backup_dir, exist_ok=True)
        for name in os.listdir(self.backup_dir):        # what a killed process was writing
            if re.fullmatch(r"\.[0-9a-f]{16}\.part", name):
                os.unlink(os.path.join(self.backup_dir, name))
        self.ended, self.state = False, self._found()
        if self.state is None:
            return
        epoch, batch = self.state["epoch"], self.state["batch"]
        if self.state["stopped"] and not batch:
            epoch = self.params["epochs"]
        self.ended = epoch >= self.params["epochs"]
        self._restore()
        self.model.resume(epoch, batch, self._restored_again)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.seen = epoch, 0
        if self.of_batches:
            if self.state is not None:      # so that the rows come in the order that they had in this epoch
                self.model.set_random_state(self.state["began"])
            self.began = self.model.get_random_state()

    def on_train_batch_end(self, batch, logs=None):
        if not self.of_batches:
            return
        self.waiting += max(batch + 1 - self.seen, 1)
        self.seen = batch + 1
        if self.waiting >= self.save_freq:
            logs = {k: v for k, v in (logs or {}).items() if k not in ("batch", "size")}
            self._save(self.epoch, self.seen, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.ended = self.model.stop_training or epoch + 1 >= self.params["epochs"]
        self.began = None
        self._save(epoch + 1, 0, {})

    def on_train_end(self, logs=None):
        if self.ended and self.delete_checkpoint:
            for name in (STATE, PREVIOUS):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.backup_dir, name))
            with contextlib.suppress(OSError):      # other files are in it
                os.rmdir(self.backup_dir)

    # The state

    def _others(self):
        return [c for c in self._list() or () if c is not self]

    def _save(self, epoch, batch, logs):
        self.waiting = 0
        if self.double_checkpoint and os.path.exists(self.path):
            with replacing(os.path.join(self.backup_dir, PREVIOUS)) as part:
                shutil.copyfile(self.path, part)
        write_state(self.path, {
            "epoch": epoch, "batch": batch, "logs": logs, "stopped": bool(self.model.stop_training),
            "began": self.began, "training": self.model.get_training_state(),
            "callbacks": [[type(c).__name__, c.get_state()] for c in self._others()]})

    def _found(self):
        """The state of the last backup that can be read, None where there is none."""
        paths = [pathlib.Path(self.backup_dir, name) for name in (STATE, PREVIOUS)[:1 + self.double_checkpoint]]
        there = [path for path in paths if path.exists()]
        for path in there:
            try:
                return _checked(read_state(path))
            except ModelFileError as error:
                if path == there[-1]:
                    raise ModelFileError(f"BackupAndRestore: the backup cannot be used ({error}); delete "
                                         f"{self.backup_dir!r} to begin anew") from error
                warnings.warn(f"BackupAndRestore: the last backup cannot be used ({error}); training goes on from the "
                              "one before", RuntimeWarning, stacklevel=2)
        return None

    def _restored_again(self):
        """What :meth:`_restore` does, behind the batches that are left out; gives the logs of the epoch so far."""
        state = self.state
        self._restore()
        self.state, self.seen = None, state["batch"]
        return state["logs"]

    def _restore(self):
        """Put everything back as it was."""
        state, own = self.state, self._others()
        try:
            self.model.set_training_state(state["training"])
            for name, value in state["callbacks"]:
                callback = next((c for c in own if type(c).__name__ == name), None)
                if callback is not None:
                    own.remove(callback)
                    callback.set_state(value)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ModelFileError(f"BackupAndRestore: the backup in {self.backup_dir!r} does not fit this training "
                                 f"({error}); delete the folder to begin anew") from error
        if not state["batch"]:
            self.state = None


def _checked(state):
    kinds = {"epoch": int, "batch": int, "logs": dict, "stopped": bool, "training": dict, "callbacks": list}
    if not isinstance(state, dict) or any(type(state.get(name)) is not kind for name, kind in kinds.items()):
        raise ModelFileError("it is no state of a training")
    return state
