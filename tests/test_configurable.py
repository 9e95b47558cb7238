"""The gate through which configurable objects are made: arguments, configs, registries, old spellings, names."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest

from tahr.utils import keras1
from tahr.utils.configurable import Configurable, refuse_class, serialize
from tahr.utils.names import reset_uids, snake_case, unique_name


class Animal(Configurable):
    """A kind, with a registry of its own."""

    def __init__(self, name=None):
        self.name = name


class Goat(Animal):
    aliases = ("capra",)

    def __init__(self, horns=2, *, beard=True, **kwargs):
        super().__init__(**kwargs)
        self.horns, self.beard = horns, beard


class HimalayanTahr(Goat):
    def __init__(self, height, **options):
        super().__init__(**options)
        self.height = height


class _Unnamed(Animal):
    pass


class Mouse(_Unnamed):
    pass


class Plant(Configurable):
    pass


class Moss(Plant):
    pass


class Herd(Animal):
    """Holds others, and everything else that an argument may be."""

    def __init__(self, members=(), leader=None, options=None, rule=None):
        self.members, self.rule = [Animal.get(m) for m in members], rule
        self.leader, self.options = leader and Animal.get(leader), options


def herded(a, b):
    return a


# Arguments

def test_arguments_are_remembered_under_their_names():
    assert Goat().get_config() == {"horns": 2, "beard": True}
    assert Goat(3, name="x").get_config() == {"horns": 3, "beard": True, "name": "x"}
    tahr = HimalayanTahr(80, beard=False, horns=1)
    assert (tahr.height, tahr.horns, tahr.beard, tahr.name) == (80, 1, False, None)
    assert tahr.get_config() == {"height": 80, "beard": False, "horns": 1}
    assert HimalayanTahr.from_config(tahr.get_config()).get_config() == tahr.get_config()


@pytest.mark.parametrize("make, text", [
    (lambda: Goat(horn=2), r"^Goat got an unknown argument 'horn'. Did you mean 'horns'\? It takes: horns, beard, na"),
    (lambda: HimalayanTahr(80, naem="x"), r"'naem'. Did you mean 'name'\? It takes: height, horns, beard, name$"),
    (lambda: Goat(zzz=1), r"^Goat got an unknown argument 'zzz'. It takes: horns, beard, name$"),
    (lambda: HimalayanTahr(), "^HimalayanTahr: missing a required argument: 'height'; it takes: height, horns, beard"),
    (lambda: Goat(1, True), "^Goat: too many positional arguments; it takes: horns, beard, name$"),
    (lambda: Goat(1, horns=2), "^Goat: multiple values for argument 'horns'; it takes: "),
    (lambda: Herd(name="x"), "^Herd got an unknown argument 'name'.* It takes: members, leader, options, rule$"),
    (lambda: Moss(1), "^Moss: too many positional arguments; it takes: no arguments$"),
    (lambda: Moss(wet=1), "^Moss got an unknown argument 'wet'. It takes: no arguments$"),
])
def test_wrong_arguments(make, text):
    with pytest.raises(TypeError, match=text):
        make()


def test_accepts():
    assert HimalayanTahr.accepts("name") and HimalayanTahr.accepts("height") and not Goat.accepts("height")
    assert not Moss.accepts("name")


def test_errors_inside_the_constructor_are_its_own():
    class Fails(Animal):
        def __init__(self, size=1):
            raise TypeError("size is wrong")

    with pytest.raises(TypeError, match="^size is wrong$"):
        Fails(2)


def test_what_a_constructor_filled_in():
    class Filled(Animal):
        def __init__(self, size=None):
            self.size = 7 if size is None else size
            self.remember(size=self.size)

    assert Filled().get_config() == {"size": 7} and Filled(3).get_config() == {"size": 3}


# Configs

def test_configs_are_plain_data():
    herd = Herd([Goat(4), "mouse"], leader=HimalayanTahr(90), rule=herded,
                options={"sizes": np.arange(3), "rate": np.float32(0.5), "next": (Goat(), [1, "a", None, True])})
    config = herd.get_config()
    goat = {"class_name": "Goat", "config": {"horns": 4, "beard": True}}
    assert config["members"] == [goat, "mouse"] and config["rule"] == "herded"
    assert config["leader"] == {"class_name": "HimalayanTahr", "config": {"height": 90}}
    assert config["options"]["sizes"] == [0, 1, 2] and config["options"]["rate"] == 0.5
    assert config["options"]["next"] == ({**goat, "config": {"horns": 2, "beard": True}}, [1, "a", None, True])
    clone = Herd.from_config(json.loads(json.dumps(config)))
    assert type(clone.members[1]) is Mouse and clone.members[0].horns == 4 and clone.leader.height == 90
    assert json.dumps(clone.get_config()) == json.dumps(config)


def test_what_is_plain_stays():
    for value in (None, True, 3, 0.5, "x", [1, (2, 3)], {"a": 1}):
        assert serialize(value) == value and type(serialize(value)) is type(value)


def test_copies_keep_the_config():
    for goat in (Goat(5, name="x"), HimalayanTahr(60)):
        for clone in (copy.copy(goat), copy.deepcopy(goat), pickle.loads(pickle.dumps(goat))):
            assert clone.get_config() == goat.get_config() and clone is not goat


# Registries

def test_each_kind_has_a_registry():
    assert Plant.registry == {"Moss": Moss}
    assert Animal.registry["Goat"] is Animal.registry["capra"] is Goat
    assert HimalayanTahr.registry is Animal.registry
    assert Mouse in Animal.registry.values() and "_Unnamed" not in Animal.registry and "Animal" not in Animal.registry
    assert HimalayanTahr.kinds() == ("Configurable", "Animal", "Goat", "HimalayanTahr")


def test_get():
    for name in ("HimalayanTahr", "himalayan_tahr", "himalayantahr", "HIMALAYAN_TAHR"):
        assert Animal.named(name) is HimalayanTahr
    assert type(Animal.get("capra")) is type(Animal.get("goat")) is Goat
    goat = Goat()
    assert Animal.get(goat) is goat
    assert Animal.get({"class_name": "goat", "config": {"horns": 1}}).horns == 1


@pytest.mark.parametrize("identifier, error, text", [
    ("gaot", ValueError, r"unknown animal 'gaot'. Did you mean 'goat'\? Known: capra, .*goat, .*himalayan_tahr"),
    ("moss", ValueError, "unknown animal 'moss'"),
    ("_unnamed", ValueError, "unknown animal '_unnamed'"),
    (Goat, TypeError, r"Goat is a class: did you forget the parentheses, Goat\(\)\?"),
    (None, TypeError, "expected the name of an animal or an animal object, got NoneType None"),
    (3, TypeError, "expected the name of an animal or an animal object, got int 3"),
    ({"class_name": "Goat"}, TypeError, "expected the name of an animal"),
    ({"class_name": "Goat", "config": {"horn": 1}}, TypeError, "Goat got an unknown argument 'horn'"),
])
def test_get_errors(identifier, error, text):
    with pytest.raises(error, match=text):
        Animal.get(identifier)


def test_objects_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="expected the name of a plant or a plant object, got Goat"):
        Plant.get(Goat())


def test_an_alias_says_it_better_in_the_list_of_names():
    class Kinds(Configurable):
        pass

    class ABCdef(Kinds):
        aliases = ("abcdef",)

    with pytest.raises(ValueError, match=r"Known: abcdef$"):
        Kinds.get("x")
    assert ABCdef in Kinds.registry.values()


def test_refuse_class():
    for fine in (None, "x", Goat(), len):
        refuse_class(fine)
    with pytest.raises(TypeError, match=r"int is a class"):
        refuse_class(int)


# Old spellings

def test_old_spellings(monkeypatch):
    monkeypatch.setitem(keras1.RENAMED, "Animal", {"label": "name"})
    monkeypatch.setitem(keras1.RENAMED, "Goat", {"nb_horn": "horns"})
    with pytest.warns(DeprecationWarning) as caught:
        goat = HimalayanTahr(80, nb_horn=3, label="x")
    assert [str(w.message) for w in caught] == ["HimalayanTahr: 'label' is now called 'name'",
                                                "HimalayanTahr: 'nb_horn' is now called 'horns'"]
    assert {w.filename for w in caught} == {__file__}
    assert goat.get_config() == {"height": 80, "horns": 3, "name": "x"}
    with pytest.raises(TypeError, match="both 'nb_horn' and 'horns', two spellings of one argument: keep 'horns'"):
        Goat(nb_horn=1, horns=2)


def test_translate_leaves_the_given_dict_alone():
    given = {"lr": 0.5, "other": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert keras1.translate("X", ("Optimizer",), given) == {"learning_rate": 0.5, "other": 1}
    assert given == {"lr": 0.5, "other": 1}
    assert keras1.translate("X", ("Layer", "fit"), given) == given


# Names

@pytest.mark.parametrize("name, expected", [
    ("Dense", "dense"), ("MaxPooling2D", "max_pooling2d"), ("LSTM", "lstm"), ("L1L2", "l1_l2"),
    ("BatchNormalization", "batch_normalization"), ("Conv2DTranspose", "conv2d_transpose"),
    ("SpatialDropout1D", "spatial_dropout1d"), ("already", "already"),
])
def test_snake_case(name, expected):
    assert snake_case(name) == expected


def test_unique_names():
    reset_uids()
    assert [unique_name("Dense"), unique_name("LSTM"), unique_name("Dense")] == ["dense_1", "lstm_1", "dense_2"]
    reset_uids()
    assert unique_name("Dense") == "dense_1"
