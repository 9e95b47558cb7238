"""Where Keras keeps what feeds a model: sequences, their enqueuers, and files from the net."""

from .archives import extract_archive
from .enqueuers import GeneratorEnqueuer, OrderedEnqueuer, SequenceEnqueuer
from .files import get_file, validate_file
from .sequences import PyDataset, Sequence, iter_sequence_infinite

__all__ = ["GeneratorEnqueuer", "OrderedEnqueuer", "PyDataset", "Sequence", "SequenceEnqueuer", "extract_archive",
           "get_file", "iter_sequence_infinite", "validate_file"]
