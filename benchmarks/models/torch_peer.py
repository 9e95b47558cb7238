"""PyTorch, eager and compiled, as its users write a training loop."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from .measure import time_loop
from .torch_models import BUILDERS

FUSED = {"sgd", "adam"}     # the optimizers here that PyTorch has as one kernel


def start(_peer, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return {"torch": torch.__version__}


def variants(peer, workload):
    """By name: the optimizer's implementation, the layout of images, branches as one batch."""
    conv = workload.kind == "conv"
    if peer.options.get("compile"):
        kinds = [("foreach", conv, False)] + [("foreach", False, False)] * conv
    else:
        best = "fused" if workload.optimizer in FUSED else "foreach"
        kinds = [(best, conv, False), ("loop", conv, False)]
        kinds += [("foreach", conv, False)] * (best == "fused") + [(best, False, False)] * conv
        kinds += [(best, False, True)] * (workload.id == "W11")
    return {f"{update}{'-cl' * last}{'-stack' * stacked}": dict(update=update, channels_last=last, stacked=stacked)
            for update, last, stacked in kinds}


class Runner:
    """A module with its optimizer; ``fit`` is a bare loop."""

    def __init__(self, peer, workload, variant):
        self.workload, self.channels_last = workload, variant["channels_last"]
        self.model = BUILDERS[workload.id](variant)
        self.model.apply(_initialize)
        if self.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = _optimizer(workload, self.model, variant["update"])
        self.loss, self.update, self.answer = self._loss, self.optimizer.step, self._answer
        if peer.options.get("compile"):
            self.loss, self.answer = torch.compile(self._loss), torch.compile(self._answer)
            self.update = torch.compile(lambda: self.optimizer.step())

    def parameters(self):
        """Without the second bias of an LSTM, which adds to the first and is nothing of its own."""
        second = [p for m in self.model.modules() if isinstance(m, nn.LSTM)
                  for name, p in m.named_parameters() if "bias_hh" in name]
        return sum(p.numel() for p in self.model.parameters()) - sum(p.numel() for p in second)

    def prepare(self, batch):
        """As a loader would deliver them, the layout included."""
        xs, ys = batch
        return ([self._input(torch.from_numpy(x)) for x in xs],
                [torch.from_numpy(y).long() if y.ndim == 1 else torch.from_numpy(y) for y in ys])

    def _input(self, x):
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        if x.dim() == 4:
            return x.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        if self.workload.id == "W8":
            x = x.permute(0, 2, 1)
            return (x.unsqueeze(2) if self.channels_last else x).contiguous(memory_format=layout)
        return x

    def _loss(self, xs, ys):
        total = 0.0
        for logits, y, weight in zip(self.model(*xs), ys, (1.0, 0.2)):
            loss = F.cross_entropy(logits, y) if y.dim() == 1 else F.binary_cross_entropy_with_logits(logits, y)
            total = total + (loss if weight == 1.0 else weight * loss)
        return total

    def _answer(self, xs):
        return [torch.sigmoid(y) if y.shape[-1] == 1 else torch.softmax(y, -1) for y in self.model(*xs)]

    def train(self, data):
        if not self.model.training:
            self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(*data)
        loss.backward()
        self.update()
        return loss.detach()

    def predict(self, data):
        if self.model.training:
            self.model.eval()
        with torch.inference_mode():
            return self.answer(data[0])

    def fit(self, data, step_ms, seconds):
        return time_loop(self.train, data, step_ms, seconds)


def _initialize(module):
    """Glorot weights, biases of zeros, small tables: as the Keras peers begin."""
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)


def _optimizer(workload, model, update):
    how = {"foreach": {"foreach": True}, "fused": {"fused": True}, "loop": {"foreach": False}}[update]
    parameters = list(model.parameters())
    if workload.id == "W13":        # Keras's l2(1e-4) of kernels is weight decay of 2e-4
        parameters = [{"params": [p for p in parameters if p.dim() == 4], "weight_decay": 2e-4},
                      {"params": [p for p in parameters if p.dim() != 4]}]
    kind, options = {"sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
                     "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
                     "adam": (torch.optim.Adam, {"eps": 1e-7}),
                     "adadelta": (torch.optim.Adadelta, {"rho": 0.95, "eps": 1e-7})}[workload.optimizer]
    return kind(parameters, lr=workload.learning_rate, **options, **how)
