"""What layers give a model beside their outputs: losses, metrics, and state that training changes by itself."""

from ..autograd import Spec, Value
from .node import key, source, symbols_in
from .phase import _phase, noted_losses


class Contributing:
    """Mixin of layers: ``add_loss``, ``add_metric``, ``add_update``, and what they were given."""

    _loss_functions: tuple = ()
    _fixed_losses: tuple = ()           # (inputs, value) of add_loss outside of calls
    _fixed_updates: tuple = ()          # (inputs, anything) of add_update
    _has_run = False                    # whether it was ever called on data
    _any_outside = False                # whether add_loss was ever called outside of calls, on any layer
    _training_at: int | None = None
    changed_by_training: tuple[str, ...] = ()       # the attributes that hold such weights

    # To call

    def add_loss(self, losses, inputs=None):
        """Add scalars to the loss of the model: tensors computed in ``call``, functions without arguments, numbers.

        Arguments:
            losses: one of them, or a list.
            inputs: the symbols that it belongs to, for :meth:`get_losses_for`.
        """
        for loss in _listed(losses):
            if callable(loss) and not isinstance(loss, Value | Spec):
                self._loss_functions, Contributing._any_outside = (*self._loss_functions, loss), True
            elif _phase.depth or isinstance(loss, Value):
                noted_losses(self, loss)
            else:
                self._fixed_losses, Contributing._any_outside = (*self._fixed_losses, (inputs, loss)), True

    def add_metric(self, value, name=None, aggregation="mean"):
        """Report a value computed in ``call``, averaged over the batches, under ``name``."""
        if not name:
            raise ValueError(f"layer {self.name!r}: add_metric needs a name: add_metric(value, name='...')")
        if not isinstance(value, Spec):
            _phase.metrics.append((self, name, value))

    def add_update(self, updates, inputs=None):
        """For programs of Keras 1 and 2: updates happen where they are written, so nothing is left to do.

        What is added outside of calls is kept for :attr:`updates`.
        """
        if not _phase.depth:
            self._fixed_updates = (*self._fixed_updates, *((inputs, update) for update in _listed(updates)))

    # To ask

    @property
    def losses(self):
        """Scalar tensors: penalties of the regularized weights that are trained, and what ``add_loss`` was given.

        Values computed in ``call`` are those of the last call in this thread; before any call on data, symbols stand
        for them.
        """
        penalties = self._penalties()
        if self._has_run and not _phase.losses and not Contributing._any_outside:
            return penalties
        layers = self.all_layers()
        own = {id(layer) for layer in layers}
        values = [value for layer, value in _phase.losses if id(layer) in own]
        values += [] if self._has_run else self.declared_losses()
        return penalties + _outside(layers, self._has_run) + values

    def _penalties(self):
        return [w.regularizer(w) for w in self.trainable_weights if w.regularizer is not None]

    def _nodes(self):
        """The calls on symbols that say what losses there are."""
        return self.inbound_nodes

    def declared_losses(self, inputs=None):
        """Symbols for the losses of the calls on symbols, of all or of those that depend on ``inputs``."""
        nodes = self._nodes()
        if inputs is not None:
            reached, found = {_identity(x) for x in symbols_in(inputs)}, []
            for node in nodes:
                if any(_identity(x) in reached for x in node.inputs):
                    found.append(node)
                    reached.update(node.keys())
            nodes = found
        return [loss for node in nodes for loss in node.losses]

    def get_losses_for(self, inputs):
        """The losses that depend on some inputs, or with None those that depend on none.

        Arguments:
            inputs: symbols, for the losses of the calls on them; tensors, for those of the last call on data; None.
        """
        layers = self.all_layers()
        if inputs is None:
            fixed = [loss for layer in layers for given, loss in layer._fixed_losses if given is None]
            return self._penalties() + [f() for layer in layers for f in layer._loss_functions] + fixed
        fixed = [loss for layer in layers for given, loss in layer._fixed_losses if _same(given, inputs)]
        own = {id(layer) for layer in layers}
        if any(isinstance(x, Value) for x in _listed(inputs)):
            return fixed + [value for layer, value in _phase.losses if id(layer) in own]
        return fixed + self.declared_losses(inputs)

    @property
    def updates(self):
        """The weights that calls in training change by themselves, moving averages for example; none while frozen.

        Layers that were called with ``training=False`` alone have none. What ``add_update`` was given stands behind.
        """
        layers = self.all_layers()
        changed = [w for layer in layers if layer.trainable and self.trainable for w in layer._changed()]
        return changed + [update for layer in layers for _, update in layer._fixed_updates]

    @updates.setter
    def updates(self, wanted):
        """Keras 1 wrote ``self.updates = [...]``."""
        self._fixed_updates = tuple((None, update) for update in wanted)

    def _changed(self):
        told = [node.kwargs.get("training") for node in self.inbound_nodes]
        if told and not any(training is None or training for training in told):
            return []
        return [w for w in (getattr(self, name, None) for name in self.changed_by_training) if w is not None]

    def get_updates_for(self, inputs):
        """What of :attr:`updates` depends on some inputs, or with None on none."""
        layers = self.all_layers()
        if inputs is None:
            return [update for layer in layers for given, update in layer._fixed_updates if given is None]
        called = {_identity(x) for node in self._nodes() for x in node.inputs}
        changed = self.updates[:len(self.updates) - sum(len(layer._fixed_updates) for layer in layers)]
        changed = changed if any(_identity(x) in called for x in symbols_in(inputs)) else []
        return changed + [update for layer in layers for given, update in layer._fixed_updates if _same(given, inputs)]

    @property
    def acts_in_training(self):
        """Whether the layer itself, apart from those inside it, may do something else in training."""
        return self._training_at is not None

    @property
    def uses_learning_phase(self):
        """Whether the output depends on whether the model trains: not where all calls said ``training=...``."""
        return any(layer.acts_in_training and not layer._always_told() for layer in self.all_layers())

    def _always_told(self):
        told = [node.kwargs.get("training") for node in self.inbound_nodes]
        return bool(told) and None not in told


def _outside(layers, has_run):
    """What ``add_loss`` was given outside of calls; symbols only as long as no values stand for them."""
    functions = [f() for layer in layers for f in layer._loss_functions]
    fixed = [loss for layer in layers for _, loss in layer._fixed_losses]
    return functions + [loss for loss in fixed if not (has_run and isinstance(loss, Spec))]


def _listed(x):
    return list(x) if isinstance(x, list | tuple) else [x]


def _identity(symbol):
    """What tells a symbol from others; those that no layer made stand for themselves."""
    return key(symbol) if source(symbol) else id(symbol)


def _same(given, inputs):
    """Whether these are the inputs that something was given for."""
    if given is None:
        return False
    given, inputs = symbols_in(_listed(given)), symbols_in(_listed(inputs))
    return {_identity(x) for x in given} == {_identity(x) for x in inputs}
