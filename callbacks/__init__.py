"""Callbacks: what happens between the batches and epochs of a training run."""

from .backup import BackupAndRestore
from .base import Callback, CallbackList
from .checkpoint import ModelCheckpoint
from .history import History
from .hooks import LambdaCallback, ResetStates, SwapEMAWeights
from .monitor import Monitor
from .progress import ProgbarLogger
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .recorders import BaseLogger, CSVLogger, RemoteMonitor
from .stopping import EarlyStopping, TerminateOnNaN
from .tensorboard import TensorBoard

__all__ = ["BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
           "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "Monitor", "ProgbarLogger",
           "ReduceLROnPlateau", "RemoteMonitor", "ResetStates", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN"]
