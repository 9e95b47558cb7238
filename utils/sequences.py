"""Data that are made batch by batch."""


class Sequence:
    """Base of data sets that make their batches when asked: each batch once an epoch, from any number of workers.

    A subclass defines ``__getitem__(index)``, which returns a batch, ``(x, y)`` or ``(x, y, sample_weight)``, and
    ``__len__()``, the number of batches of an epoch. It need not call this constructor. ``on_epoch_end()`` is called
    after each epoch. Keras 3 calls this class ``PyDataset``, and so may you.

    Arguments:
        workers: how many threads or processes make batches ahead of their use, default 1.
        use_multiprocessing: processes instead of threads, default False. The object is then sent to them by pickle.
        max_queue_size: how many batches are made ahead, default 10.

    >>> class Squares(Sequence):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return index, index ** 2
    >>> list(Squares())
    [(0, 0), (1, 1), (2, 4)]
    """

    use_sequence_api = True
    workers, use_multiprocessing, max_queue_size = 1, False, 10     # for subclasses that do not call __init__

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index), which returns batch "
                                  f"number index")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self), the number of batches of an epoch")

    @property
    def num_batches(self):
        """The number of batches of an epoch, under Keras 3's name."""
        return len(self)

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch: the place to shuffle."""

    def __iter__(self):
        """The batches of one epoch."""
        for index in range(len(self)):
            yield self[index]


PyDataset = Sequence


def iter_sequence_infinite(sequence):
    """The batches of a sequence, epoch after epoch, without end.

    >>> batches = iter_sequence_infinite([1, 2])
    >>> next(batches), next(batches), next(batches)
    (1, 2, 1)
    """
    while True:
        yield from (sequence[index] for index in range(len(sequence)))
