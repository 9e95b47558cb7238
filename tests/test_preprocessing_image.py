"""Images: single changes against a reference pixel by pixel, the generator, and its iterators over arrays and files."""

import io
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.preprocessing import image
from tahr.preprocessing.affine import FILL_MODES, affine_matrix, warp
from tahr.preprocessing.image import ImageDataGenerator
from tahr.utils import settings
from tahr.utils.data_utils import OrderedEnqueuer, Sequence

RNG = np.random.default_rng(0)
IMAGE = RNG.random((5, 7, 3))


# Moving pixels

def pixel(plane, i, j, mode, cval):
    """The value at a whole place, inside or outside."""
    for axis, size in enumerate(plane.shape):
        at = (i, j)[axis]
        if mode == "nearest":
            at = min(max(at, 0), size - 1)
        elif mode == "wrap":
            at %= size
        elif mode == "reflect":
            while not 0 <= at < size:
                at = -1 - at if at < 0 else 2 * size - 1 - at
        elif not 0 <= at < size:
            return cval
        i, j = (at, j) if axis == 0 else (i, at)
    return plane[i, j]


def warped(x, matrix, mode, cval, order):
    """What warp means, pixel by pixel."""
    result = np.empty_like(x)
    height, width, channels = x.shape
    for i, j, c in np.ndindex(*x.shape):
        r, s = matrix[:2] @ (i, j, 1.0)
        if mode == "constant" and not (0 <= r <= height - 1 and 0 <= s <= width - 1):
            result[i, j, c] = cval
        elif order == 0:
            result[i, j, c] = pixel(x[..., c], math.floor(r + 0.5), math.floor(s + 0.5), mode, cval)
        else:
            top, left = math.floor(r), math.floor(s)
            result[i, j, c] = sum(
                (1 - abs(r - a)) * (1 - abs(s - b)) * pixel(x[..., c], a, b, mode, 0.0)
                for a in (top, top + 1) for b in (left, left + 1) if abs(r - a) < 1 and abs(s - b) < 1)
    return result


numbers = st.floats(-20, 20)


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4), numbers, numbers, st.sampled_from(FILL_MODES),
       st.sampled_from([0, 1]))
def test_warp_is_its_reference(linear, tx, ty, mode, order):
    matrix = np.array([[linear[0], linear[1], tx], [linear[2], linear[3], ty]])
    kept = IMAGE.copy()
    found = warp(IMAGE, matrix, mode, 0.25, order)
    np.testing.assert_allclose(found, warped(IMAGE, matrix, mode, 0.25, order), atol=1e-12)
    np.testing.assert_array_equal(IMAGE, kept)


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_warp_is_that_of_scipy(mode, order):
    ndimage = pytest.importorskip("scipy.ndimage")
    theirs = {"wrap": "grid-wrap"}.get(mode, mode)       # SciPy's 'wrap' lays the first pixel over the last
    for k in range(20):
        matrix = np.random.default_rng(k).normal(size=(2, 3)) * (1, 1, 9)
        expected = [ndimage.affine_transform(IMAGE[..., c], matrix[:, :2], matrix[:, 2], order=order, mode=theirs,
                                             cval=0.5) for c in range(3)]
        np.testing.assert_allclose(warp(IMAGE, matrix, mode, 0.5, order), np.stack(expected, -1), atol=1e-12)


def test_the_matrix_by_hand():
    a, b = math.radians(30), math.radians(10)
    rotation = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    shift = np.array([[1, 0, 2], [0, 1, 3], [0, 0, 1]])
    shear = np.array([[1, -math.sin(b), 0], [0, math.cos(b), 0], [0, 0, 1]])
    zoom = np.diag([1.5, 0.5, 1])
    np.testing.assert_allclose(affine_matrix(30, 2, 3, 10, 1.5, 0.5), rotation @ shift @ shear @ zoom)


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_quarter_turns_are_exact(mode, order):
    x = RNG.random((4, 4, 2))
    for turns, degrees in ((1, 90), (2, 180), (3, 270), (4, 360)):
        found = image.apply_affine_transform(x, theta=degrees, fill_mode=mode, cval=99.0, order=order)
        np.testing.assert_allclose(found, np.rot90(x, -turns), atol=1e-9)


def test_whole_shifts_and_zooms():
    x = np.arange(16.0).reshape(4, 4, 1)
    found = image.apply_affine_transform(x, tx=1, ty=-2, fill_mode="constant", cval=-1.0)[..., 0]
    assert found.tolist() == [[-1, -1, 4, 5], [-1, -1, 8, 9], [-1, -1, 12, 13], [-1] * 4]
    assert image.apply_affine_transform(x, tx=1, fill_mode="wrap")[:, 0, 0].tolist() == [4, 8, 12, 0]
    assert image.apply_affine_transform(x, tx=2, fill_mode="reflect")[:, 0, 0].tolist() == [8, 12, 12, 8]
    halved = image.apply_affine_transform(x, zx=3.0, zy=3.0, order=1)[1:3, 1:3, 0]
    assert halved.tolist() == [[0, 3], [12, 15]]       # the corners come towards the centre
    assert image.apply_affine_transform(x) is x


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (1, 0, 2), (2, 0, 1)])
def test_axes_of_any_order(axes):
    expected = image.apply_affine_transform(IMAGE, theta=20, tx=1.5, shear=5)
    moved = np.moveaxis(IMAGE, (0, 1, 2), axes)
    row, col, channel = axes
    found = image.apply_affine_transform(moved, theta=20, tx=1.5, shear=5, row_axis=row, col_axis=col,
                                         channel_axis=channel)
    np.testing.assert_allclose(np.moveaxis(found, axes, (0, 1, 2)), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int32"])
def test_dtypes_are_kept(dtype):
    x = (IMAGE * 200).astype(dtype)
    found = image.apply_affine_transform(x, theta=20)
    assert found.dtype == dtype and found.flags.c_contiguous
    exact = image.apply_affine_transform(x.astype("float64"), theta=20)
    np.testing.assert_allclose(found, exact, atol=0.5 if dtype in ("uint8", "int32") else 1e-4)


def test_wrong_modes_and_orders():
    with pytest.raises(ValueError, match="fill_mode must be one of 'nearest', .*, got 'mirror'"):
        image.apply_affine_transform(IMAGE, theta=1, fill_mode="mirror")
    with pytest.raises(ValueError, match=r"order of interpolation must be 0 .* or 1 .*, got 3"):
        image.apply_affine_transform(IMAGE, theta=1, order=3)


def test_keras_1_apply_transform():
    matrix = image.transform_matrix_offset_center(affine_matrix(20, 0, 0, 0, 1, 1), 5, 7)
    found = image.apply_transform(np.moveaxis(IMAGE, -1, 0), matrix, 0)
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), image.apply_affine_transform(IMAGE, theta=20))


# Values

@pytest.mark.parametrize("x, factor, scale, expected", [
    ([0.0, 100, 200], 2.0, False, [0, 200, 255]), ([50.0, 100, 150], 1.0, True, [0, 127.5, 255]),
    ([0.0, 0.5, 1], 0.5, False, [0, 0.25, 0.5]), ([-1.0, 0, 1], 0.5, False, [-1, -0.5, 0]),
    ([-1.0, 0, 1], 2.0, False, [-1, 1, 1]), ([7.0, 7, 7], 0.5, False, [3.5] * 3),
])
def test_brightness(x, factor, scale, expected):
    x = np.array(x).reshape(1, 3, 1)
    np.testing.assert_allclose(image.apply_brightness_shift(x, factor, scale).ravel(), expected, atol=1e-9)


def test_brightness_is_that_of_pillow_within_its_rounding():
    enhance = pytest.importorskip("PIL.ImageEnhance")
    x = RNG.integers(0, 256, (4, 5, 3)).astype("float32")
    for factor in (0.3, 1.7):
        theirs = enhance.Brightness(image.array_to_img(x, scale=False)).enhance(factor)
        found = image.apply_brightness_shift(x, factor, scale=False)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, image.img_to_array(theirs), atol=1.0)


@pytest.mark.parametrize("change, limits", [
    (lambda x: image.random_rotation(x, 90, 0, 1, 2), (0, 1)),
    (lambda x: image.random_shift(x, 0.5, 0.2, 0, 1, 2), (0, 1)),
    (lambda x: image.random_shear(x, 45, 0, 1, 2), (0, 1)),
    (lambda x: image.random_zoom(x, (0.5, 2), 0, 1, 2), (0, 1)),
    (lambda x: image.random_channel_shift(x, 0.3, 2), (0, 1)),
    (lambda x: image.random_brightness(x, (0.2, 2)), (0, 255)),
], ids=["rotation", "shift", "shear", "zoom", "channel_shift", "brightness"])
def test_single_random_changes(change, limits):
    def run(seed):
        np.random.seed(seed)
        return change(IMAGE)
    kept = IMAGE.copy()
    assert run(0).shape == IMAGE.shape and limits[0] <= run(0).min() and run(0).max() <= limits[1] + 1e-9
    np.testing.assert_array_equal(run(0), run(0))
    assert not np.array_equal(run(0), run(1)) and not np.array_equal(run(0), IMAGE)
    np.testing.assert_array_equal(IMAGE, kept)


def test_single_random_changes_stay_in_their_range(monkeypatch):
    asked = []
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size=None: asked.append((low, high)) or (
        high if size is None else np.full(size, high)))
    found = image.random_shift(IMAGE, 2 / 7, 1 / 5, 0, 1, 2)
    np.testing.assert_allclose(found, image.apply_affine_transform(IMAGE, tx=1, ty=2))
    np.testing.assert_allclose(image.random_rotation(IMAGE, 30, 0, 1, 2), image.apply_affine_transform(IMAGE, theta=30))
    np.testing.assert_allclose(image.random_shear(IMAGE, 9, 0, 1, 2), image.apply_affine_transform(IMAGE, shear=9))
    np.testing.assert_allclose(image.random_zoom(IMAGE, (0.5, 2), 0, 1, 2),
                               image.apply_affine_transform(IMAGE, zx=2, zy=2))
    assert asked == [(-1 / 5, 1 / 5), (-2 / 7, 2 / 7), (-30, 30), (-9, 9), (0.5, 2)]


def test_ranges_are_two_numbers():
    for change in (image.random_zoom, image.random_brightness):
        with pytest.raises(ValueError, match="_range must be two numbers, the smallest and the largest factor, got 3"):
            change(IMAGE, 3)


# The generator

def test_apply_transform_does_all_it_is_told():
    x = RNG.random((4, 5, 3)).astype("float32") * 255
    kept = x.copy()
    generator = ImageDataGenerator()
    assert generator.apply_transform(x, {}) is x
    np.testing.assert_array_equal(generator.apply_transform(x, {"flip_horizontal": True}), x[:, ::-1])
    np.testing.assert_array_equal(generator.apply_transform(x, {"flip_vertical": True}), x[::-1])
    np.testing.assert_allclose(generator.apply_transform(x, {"brightness": 0.5}), x / 2)
    np.testing.assert_allclose(generator.apply_transform(x, {"channel_shift_intensity": 9.0}),
                               np.clip(x + 9, x.min(), x.max()))
    first = ImageDataGenerator(data_format="channels_first", fill_mode="wrap", interpolation_order=0)
    told = {"theta": 30, "tx": 1, "zx": 0.7, "flip_vertical": True}
    moved = image.apply_affine_transform(x, theta=30, tx=1, zx=0.7, fill_mode="wrap", order=0)[::-1]
    np.testing.assert_array_equal(first.apply_transform(np.moveaxis(x, -1, 0), told), np.moveaxis(moved, -1, 0))
    np.testing.assert_array_equal(x, kept)


def test_random_transform_repeats_by_its_seed_and_leaves_numpy_alone():
    generator = ImageDataGenerator(rotation_range=40, zoom_range=0.3, horizontal_flip=True, brightness_range=(0.5, 1))
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = generator.random_transform(IMAGE, seed=4)
    np.testing.assert_array_equal(first, generator.random_transform(IMAGE, seed=4))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(first, generator.random_transform(IMAGE))


def test_whitening_decorrelates():
    x = RNG.normal(size=(50, 2, 2, 1)) @ np.diag([1.0])
    x[..., 1, 0] += 3 * x[..., 0, 0]
    generator = ImageDataGenerator(featurewise_center=True, zca_whitening=True, zca_epsilon=1e-9, dtype="float64")
    generator.fit(x)
    assert generator.principal_components is generator.zca_whitening_matrix
    flat = (x - x.mean()).reshape(50, 4)
    white = generator.standardize(x).reshape(50, 4)
    np.testing.assert_allclose(white.T @ white / 50, np.eye(4), atol=1e-6)
    values, vectors = np.linalg.eigh(flat.T @ flat / 50)
    np.testing.assert_allclose(white, flat @ vectors @ np.diag(values ** -0.5) @ vectors.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(generator.standardize(x[3]), generator.standardize(x)[3])


def test_standardize_keeps_float32_and_its_input():
    x = (IMAGE * 255).astype("float32")
    kept = x.copy()
    generator = ImageDataGenerator(rescale=1 / 255, samplewise_center=True, samplewise_std_normalization=True)
    found = generator.standardize(x)
    assert found.dtype == np.float32 and abs(found.mean()) < 1e-5 and found.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(x, kept)
    assert generator.standardize(x.astype("uint8")).dtype == np.float32
    np.testing.assert_allclose(generator.standardize(np.stack([x, x / 2]))[1], generator.standardize(x / 2), atol=1e-6)


def test_fit_with_random_changes():
    x = RNG.random((4, 6, 6, 3))
    def mean(**options):
        generator = ImageDataGenerator(featurewise_center=True, rotation_range=90, fill_mode="constant", rescale=2.0)
        generator.fit(x, **options)
        return generator.mean
    np.testing.assert_allclose(mean(), 2 * x.mean((0, 1, 2), keepdims=True)[0], rtol=1e-5)
    assert mean(augment=True, rounds=3).mean() < 0.95 * mean().mean()      # black corners
    np.testing.assert_array_equal(mean(augment=True, seed=1), mean(augment=True, seed=1))


def test_what_was_not_fitted_is_left_out_with_a_warning():
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match=r"specifies `featurewise_center`, but it hasn't been fit"):
        np.testing.assert_allclose(generator.standardize(IMAGE), IMAGE)


@pytest.mark.parametrize("options, on, off", [
    ({"zca_whitening": True}, "featurewise_center", None),
    ({"featurewise_std_normalization": True}, "featurewise_center", None),
    ({"samplewise_std_normalization": True}, "samplewise_center", None),
    ({"zca_whitening": True, "featurewise_center": True, "featurewise_std_normalization": True}, "zca_whitening",
     "featurewise_std_normalization"),
])
def test_options_that_need_others(options, on, off):
    with pytest.warns(UserWarning, match="which overrides setting of") as caught:
        generator = ImageDataGenerator(**options)
    assert getattr(generator, on) and (off is None or not getattr(generator, off)) and caught[0].filename == __file__


@pytest.mark.parametrize("options, text", [
    ({"zoom_range": (1, 2, 3)}, r"`zoom_range` should be a float or a tuple or list of two floats, got \(1, 2, 3\)"),
    ({"brightness_range": 0.5}, "`brightness_range` should be a tuple or list of two floats, got 0.5"),
    ({"data_format": "th"}, "data_format must be"),
    ({"validation_split": 1}, "validation_split must lie between 0 and 1"),
    ({"fill_mode": "mirror"}, "fill_mode must be one of"), ({"interpolation_order": 3}, "must be 0 .* or 1"),
])
def test_arguments_refused_at_once(options, text):
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator(**options)


# Batches of arrays

X, Y = np.arange(10 * 4 * 4 * 3, dtype="uint8").reshape(10, 4, 4, 3), np.arange(10)


def test_flow_is_endless_and_takes_every_image_once_an_epoch():
    flow = ImageDataGenerator(rescale=0.5).flow(X, Y, batch_size=4, seed=1)
    assert iter(flow) is flow and isinstance(flow, Sequence) and len(flow) == 3
    epochs = [[next(flow) for _ in range(3)] for _ in range(3)]
    orders = [np.concatenate([y for _, y in batches]).tolist() for batches in epochs]
    assert [sorted(order) for order in orders] == [list(range(10))] * 3
    assert orders[0] != orders[1] != orders[2]
    for x, y in epochs[1]:
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, X[y] * 0.5)
    assert flow.next()[0].shape == (4, 4, 4, 3)


@pytest.mark.parametrize("arguments, check", [
    ({"x": X}, lambda b: b.shape == (4, 4, 4, 3)),
    ({"x": X, "y": Y, "sample_weight": Y / 2}, lambda b: len(b) == 3 and np.array_equal(b[1] / 2, b[2])),
    ({"x": (X, Y), "y": Y}, lambda b: isinstance(b[0], list) and np.array_equal(b[0][1], b[1])),
    ({"x": (X, [Y, Y * 2]), "y": Y}, lambda b: len(b[0]) == 3 and np.array_equal(b[0][2], 2 * b[1])),
    ({"X": X}, lambda b: b.shape == (4, 4, 4, 3)), ({"x": X.tolist()}, lambda b: b.shape == (4, 4, 4, 3)),
])
def test_what_a_batch_holds(arguments, check):
    assert check(ImageDataGenerator().flow(**arguments, batch_size=4)[0])


def test_flow_leaves_the_images_alone_even_if_a_function_does_not():
    def spoil(x):
        x[:] = 0
        return x
    x = X.astype("float32")
    batch = ImageDataGenerator(preprocessing_function=spoil).flow(x, batch_size=10)[0]
    assert not batch.any() and np.array_equal(x, X)


def test_changes_depend_on_seed_epoch_and_image_alone():
    generator = ImageDataGenerator(rotation_range=90, horizontal_flip=True)
    def epoch(batch_size, number=0, shuffle=True, seed=5):
        flow = generator.flow(X, Y, batch_size=batch_size, shuffle=shuffle, seed=seed)
        for _ in range(number):
            assert len([flow[i] for i in range(len(flow))]) == len(flow)
            flow.on_epoch_end()
        batches = [flow[i] for i in range(len(flow))]
        x, y = (np.concatenate(parts) for parts in zip(*batches))
        return x[np.argsort(y)]
    np.testing.assert_array_equal(epoch(4), epoch(3, shuffle=False))
    np.testing.assert_array_equal(epoch(4, 1), epoch(4, 1))
    assert not np.array_equal(epoch(4), epoch(4, 1)) and not np.array_equal(epoch(4), epoch(4, seed=6))


@pytest.mark.parametrize("workers, processes", [(1, False), (3, False), (2, True)])
def test_workers_give_what_one_thread_gives(workers, processes):
    def flow():
        return ImageDataGenerator(rotation_range=90, zoom_range=0.2).flow(X, Y, batch_size=4, seed=2)
    alone = flow()
    expected = [next(alone) for _ in range(7)]
    enqueuer = OrderedEnqueuer(flow(), use_multiprocessing=processes)
    enqueuer.start(workers)
    batches = enqueuer.get()
    for x, y in expected:
        found_x, found_y = next(batches)
        np.testing.assert_array_equal(found_x, x)
        np.testing.assert_array_equal(found_y, y)
    enqueuer.stop()


@pytest.mark.parametrize("options", [{}, {"workers": 0}, {"workers": 3},
                                     {"workers": 2, "use_multiprocessing": True}])
def test_a_model_learns_from_a_flow(options):
    import tahr
    model = tahr.Sequential([tahr.layers.Flatten(input_shape=(4, 4, 3)), tahr.layers.Dense(1)])
    model.compile("sgd", "mse")
    flow = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True).flow(X, Y / 10, batch_size=4, seed=1)
    loss = model.fit(flow, epochs=3, verbose=0, shuffle=False, **options).history["loss"]
    assert len(loss) == 3 and loss[2] < loss[0]
    assert model.predict(ImageDataGenerator().flow(X, batch_size=4, shuffle=False)).shape == (10, 1)


def test_images_and_masks_of_one_seed_move_together():
    generator = ImageDataGenerator(rotation_range=90, width_shift_range=0.2)
    both = zip(generator.flow(X[..., :1], seed=3, batch_size=3), generator.flow(X[..., :1], seed=3, batch_size=3))
    for _, (images, masks) in zip(range(8), both):
        np.testing.assert_array_equal(images, masks)


def test_an_epoch_ends_once_whoever_says_so():
    """``next`` ends it by itself; a loop over ``next`` that then calls on_epoch_end must not end another one."""
    flow = ImageDataGenerator().flow(X, Y, batch_size=5, seed=0)
    orders = []
    for _ in range(3):
        orders.append([next(flow)[1].tolist() for _ in range(2)])
        assert flow.batch_index == 0
        flow.on_epoch_end()
    again = ImageDataGenerator().flow(X, Y, batch_size=5, seed=0)
    for order in orders:
        assert [again[i][1].tolist() for i in range(2)] == order
        again.on_epoch_end()


def test_reset_and_pickles():
    flow = ImageDataGenerator().flow(X, Y, batch_size=4, shuffle=False)
    first = next(flow)
    flow.reset()
    np.testing.assert_array_equal(next(flow)[1], first[1])
    again = pickle.loads(pickle.dumps(flow))
    np.testing.assert_array_equal(next(again)[1], [4, 5, 6, 7])
    with pytest.raises(ValueError, match="Asked to retrieve element 3, but the Sequence has length 3"):
        flow[3]


def test_subsets_of_arrays():
    generator, y = ImageDataGenerator(validation_split=0.3), np.arange(10) % 2
    validation = generator.flow(X, y, subset="validation", shuffle=False)
    training = generator.flow(X, y, subset="training", shuffle=False, sample_weight=Y)
    np.testing.assert_array_equal(validation[0][0], X[:3])
    for part, expected in zip(training[0], (X[3:], y[3:], Y[3:])):
        np.testing.assert_array_equal(part, expected)
    with pytest.raises(ValueError, match="different number of classes after the split.*shuffle"):
        generator.flow(X, np.arange(10) // 5, subset="training")
    assert len(generator.flow(X, np.arange(10) // 5, subset="training", ignore_class_split=True)[0][1]) == 7
    assert len(generator.flow(X, np.linspace(0, 1, 10), subset="training")[0][1]) == 7       # no classes
    with pytest.raises(ValueError, match="subset must be 'training' or 'validation', got 'test'"):
        generator.flow(X, subset="test")
    with pytest.raises(ValueError, match=r"needs ImageDataGenerator\(validation_split=...\)"):
        ImageDataGenerator().flow(X, subset="training")


@pytest.mark.parametrize("arguments, text", [
    ((X[0],), r"array of 4 axes, .*, got the shape \(4, 4, 3\)"), ((X, Y[:3]), "x and y .* got 10 and 3"),
    (((X, [Y[:3]]), Y), r"x and x\[1\]\[0\] .* got 10 and 3"),
])
def test_arrays_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator().flow(*arguments)
    with pytest.raises(ValueError, match="4 axes"):
        ImageDataGenerator().fit(X[0])


def test_unusual_channels_are_said():
    for use in (ImageDataGenerator().flow, ImageDataGenerator().fit):
        with pytest.warns(UserWarning, match="have 7 channels in the layout channels_last; expected 1, 3 or") as caught:
            use(np.zeros((2, 4, 4, 7)))
        assert caught[0].filename == __file__


# Files

pillow = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Two classes of images of one colour each: 'cats' 0, 10, ... in red, 'dogs' in green, one of them deeper."""
    for number, (name, channel, count) in enumerate((("cats", 0, 4), ("dogs", 1, 6))):
        for i in range(count):
            x = np.zeros((6, 8, 3), "uint8")
            x[..., channel] = 10 * i + number
            place = tmp_path / name / ("deep" if i == 5 else "")
            place.mkdir(parents=True, exist_ok=True)
            pillow.fromarray(x).save(place / f"{name}{i}.png")
    (tmp_path / "cats" / "notes.txt").write_text("no image")
    return tmp_path


def colours(images):
    return sorted(images.max((1, 2, 3)).astype(int).tolist())


def test_flow_from_directory(folder, capsys):
    flow = ImageDataGenerator().flow_from_directory(folder, target_size=(3, 5), batch_size=4, seed=0)
    assert capsys.readouterr().out == "Found 10 images belonging to 2 classes.\n"
    assert (flow.samples, flow.num_classes, len(flow)) == (10, 2, 3) and flow.class_indices == {"cats": 0, "dogs": 1}
    assert flow.classes.tolist() == [0] * 4 + [1] * 6 and flow.image_shape == (3, 5, 3)
    assert flow.filenames[0].replace("\\", "/") == "cats/cats0.png" and "deep" in flow.filenames[-1]
    x, y = (np.concatenate(parts) for parts in zip(*(flow[i] for i in range(3))))
    assert x.shape == (10, 3, 5, 3) and x.dtype == np.float32 and y.dtype == np.float32
    assert colours(x) == [0, 1, 10, 11, 20, 21, 30, 31, 41, 51]
    np.testing.assert_array_equal(y[:, 1], x.max((1, 2, 3)) % 10)
    assert len(next(flow)[0]) == 4


@pytest.mark.parametrize("mode, expected", [("binary", [0] * 4 + [1] * 6), ("sparse", [0] * 4 + [1] * 6),
                                            (None, None), ("input", None)])
def test_class_modes_of_folders(mode, expected, folder):
    flow = ImageDataGenerator(data_format="channels_first", dtype="float64").flow_from_directory(
        folder, (2, 2), class_mode=mode, shuffle=False, color_mode="rgba")
    batch = flow[0]
    x = batch if mode is None else batch[0]
    assert x.shape == (10, 4, 2, 2) and x.dtype == np.float64
    if mode == "input":
        np.testing.assert_array_equal(batch[1], x)
    elif mode:
        assert batch[1].tolist() == expected


def test_subsets_and_chosen_classes_of_folders(folder):
    generator = ImageDataGenerator(validation_split=0.5)
    parts = [generator.flow_from_directory(folder, (6, 8), subset=s, shuffle=False, class_mode="sparse")[0]
             for s in ("validation", "training")]
    assert colours(parts[0][0]) == [0, 1, 10, 11, 21] and colours(parts[1][0]) == [20, 30, 31, 41, 51]
    flow = generator.flow_from_directory(folder, classes=["dogs"], color_mode="grayscale", target_size=(6, 8))
    assert flow.class_indices == {"dogs": 0} and flow.samples == 6 and flow[0][0].shape == (6, 6, 8, 1)


def test_wrong_folders_and_modes(folder):
    generator = ImageDataGenerator()
    with pytest.raises(FileNotFoundError, match="there is none at .*absent"):
        generator.flow_from_directory(folder / "absent")
    with pytest.raises(FileNotFoundError, match="has no folder for the class 'birds'"):
        generator.flow_from_directory(folder, classes=["birds"])
    for options, text in (({"class_mode": "raw"}, "class_mode must be one of 'categorical'"),
                          ({"color_mode": "cmyk"}, "color_mode must be one of 'grayscale', 'rgb', 'rgba', got 'cmyk'"),
                          ({"interpolation": "cubic"}, "interpolation must be one of")):
        with pytest.raises(ValueError, match=text):
            generator.flow_from_directory(folder, **options)
    (folder / "empty" / "nothing").mkdir(parents=True)
    with pytest.raises(ValueError, match="no images to take a batch of"):
        next(generator.flow_from_directory(folder / "empty"))


def test_changed_images_are_saved(folder, tmp_path):
    (tmp_path / "saved").mkdir()
    generator, options = ImageDataGenerator(), {"save_to_dir": tmp_path / "saved"}
    for flow in (generator.flow_from_directory(folder, (4, 4), save_prefix="a", **options),
                 generator.flow(X, save_prefix="b", save_format="bmp", **options)):
        flow[0]
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert [n[0] for n in names] == ["a"] * 10 + ["b"] * 10 and {n[-3:] for n in names} == {"png", "bmp"}


# Tables

@pytest.fixture
def table(folder):
    names = [f"cats{i}.png" for i in range(4)] + ["none.png", "notes.txt"]
    return {"filename": names, "class": ["a", "b", "a", "b", "a", "b"], "n": [0, 1, 2, 3, 4, 5],
            "m": [0, 10, 20, 30, 40, 50], "w": [1.0, 2, 3, 4, 5, 6],
            "many": [["a", "c"], "b", ("c",), ["b", "a"], ["a"], ["b"]]}


def flow_of(table, folder, **options):
    with pytest.warns(UserWarning, match=r'Found 2 invalid image filename\(s\) in x_col="filename"'):
        return ImageDataGenerator().flow_from_dataframe(table, folder / "cats", shuffle=False, target_size=(2, 2),
                                                        **options)


@pytest.mark.parametrize("options, expected", [
    ({"class_mode": "sparse"}, [0, 1, 0, 1]), ({"class_mode": "binary"}, [0, 1, 0, 1]),
    ({}, [[1, 0], [0, 1], [1, 0], [0, 1]]), ({"y_col": "many"}, [[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]]),
    ({"class_mode": "raw", "y_col": "n"}, [0, 1, 2, 3]),
    ({"class_mode": "raw", "y_col": ["n", "m"]}, [[0, 0], [1, 10], [2, 20], [3, 30]]),
    ({"class_mode": "multi_output", "y_col": ["n", "m"]}, [[0, 1, 2, 3], [0, 10, 20, 30]]),
    ({"classes": ["b", "a"], "class_mode": "sparse"}, [1, 0, 1, 0]),
])
def test_flow_from_dataframe(options, expected, folder, table, capsys):
    flow = flow_of(table, folder, **options)
    assert capsys.readouterr().out.startswith("Found 4 validated image filenames")
    x, y = flow[0]
    assert x.max((1, 2, 3)).tolist() == [0, 10, 20, 30]
    assert (y if isinstance(y, np.ndarray) else np.array(y)).tolist() == expected


def test_dataframes_of_pandas(folder, table):
    pandas = pytest.importorskip("pandas")
    x, y = flow_of(pandas.DataFrame(table), folder, class_mode="sparse")[0]
    assert x.max((1, 2, 3)).tolist() == [0, 10, 20, 30] and y.tolist() == [0, 1, 0, 1]


def test_weights_classes_and_paths_of_tables(folder, table):
    assert flow_of(table, folder, class_mode="sparse", weight_col="w")[0][2].tolist() == [1, 2, 3, 4]
    paths = {"x": [str(folder / "cats" / "cats1.png")], "class": ["a"]}
    flow = ImageDataGenerator().flow_from_dataframe(paths, x_col="x", target_size=(2, 2), class_mode=None)
    assert flow[0].shape == (1, 2, 2, 3)
    flow = ImageDataGenerator().flow_from_dataframe({"x": ["gone.png"]}, x_col="x", class_mode="input",
                                                    validate_filenames=False)
    assert flow.samples == 1


def test_tables_refused(folder, table):
    generator = ImageDataGenerator()
    for options, error, text in (
            ({"y_col": "label"}, KeyError, "must have a column 'label'"),
            ({"y_col": "n"}, TypeError, "needs the column 'n' to hold strings, lists or tuples, got int 0; .*astype"),
            ({"y_col": "many", "class_mode": "sparse"}, TypeError, "to hold strings, got list"),
            ({"y_col": ["class", "n"]}, ValueError, "needs y_col to be one column"),
            ({"classes": ["a"], "class_mode": "binary"}, ValueError, "needs 2 classes, found 1"),
            ({"class_mode": "both"}, ValueError, "class_mode must be one of")):
        with pytest.raises(error, match=text):
            generator.flow_from_dataframe(table, folder, **options)


# Reading and writing

def test_load_img(folder):
    path = folder / "dogs" / "dogs3.png"
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        loaded = image.load_img(source)
        assert loaded.size == (8, 6) and loaded.mode == "RGB"
        assert image.img_to_array(loaded)[0, 0].tolist() == [0, 31, 0]
    assert image.load_img(path, color_mode="rgba").mode == "RGBA"
    assert image.load_img(path, grayscale=True).mode == image.load_img(path, color_mode="grayscale").mode == "L"
    assert image.load_img(path, target_size=(3, 4), interpolation="bilinear").size == (4, 3)
    with pytest.raises(TypeError, match="must be a path or an io.BytesIO, got int"):
        image.load_img(3)
    with pytest.raises(ValueError, match="color_mode must be"):
        image.load_img(path, color_mode="cmyk")
    with pytest.raises(ValueError, match="interpolation must be one of 'nearest', .*, got 'cubic'"):
        image.load_img(path, interpolation="cubic")


def test_load_img_keeps_the_aspect_ratio_and_many_bits(tmp_path):
    x = np.zeros((4, 12), "uint8")
    x[:, 4:8] = 200
    pillow.fromarray(x).save(tmp_path / "wide.png")
    cut = image.load_img(tmp_path / "wide.png", True, target_size=(2, 2), keep_aspect_ratio=True)
    assert np.array(cut).tolist() == [[200, 200], [200, 200]]
    pillow.fromarray(np.full((2, 2), 1000, "uint16")).save(tmp_path / "deep.png")
    assert image.img_to_array(image.load_img(tmp_path / "deep.png", grayscale=True)).max() == 1000


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images_and_arrays(channels, data_format):
    x = RNG.integers(0, 256, (4, 5, channels)).astype("float32")
    given = np.moveaxis(x, -1, 0) if data_format == "channels_first" else x
    made = image.array_to_img(given, data_format, scale=False)
    assert made.size == (5, 4) and made.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    found = image.img_to_array(made, data_format)
    np.testing.assert_array_equal(found, given)
    assert found.dtype == np.float32 and image.img_to_array(made, dtype="uint8").dtype == np.uint8
    with settings.using(image_data_format=data_format, floatx="float64"):
        assert image.img_to_array(made).dtype == np.float64
        np.testing.assert_array_equal(image.img_to_array(image.array_to_img(given, scale=False)), given)


def test_scaling_and_wide_greys():
    x = np.array([[[-1.0], [0.0], [1.0]]])
    assert np.array(image.array_to_img(x)).tolist() == [[0, 127, 255]]
    assert np.array(image.array_to_img(np.full((1, 1, 1), 7.0))).tolist() == [[0]]
    assert image.array_to_img(np.array([[[1000.0]]]), scale=False).mode == "I"


@pytest.mark.parametrize("x, text", [(np.zeros((2, 2)), r"three axes, .* \(2, 2\)"),
                                     (np.zeros((2, 2, 5)), "1, 3 or 4 channels, got 5")])
def test_arrays_that_are_no_images(x, text):
    with pytest.raises(ValueError, match=text):
        image.array_to_img(x)
    with pytest.raises(ValueError, match=r"rows, columns and perhaps channels, got the shape \(2,\)"):
        image.img_to_array(np.zeros(2))


def test_save_img(tmp_path):
    x = RNG.random((4, 5, 4))
    for name, mode in (("a.png", "RGBA"), ("a.jpg", "RGB"), ("a.bmp", "RGB")):
        image.save_img(tmp_path / name, x)
        with pillow.open(tmp_path / name) as saved:
            assert saved.mode == mode
    image.save_img(tmp_path / "b", x, file_format="jpg", quality=90)
    with pillow.open(tmp_path / "b") as saved:
        assert saved.format == "JPEG"
    (tmp_path / "deep").mkdir()
    image.save_img(tmp_path / "deep" / "c.PNG", x)
    assert [p[-5:] for p in image.list_pictures(tmp_path)] == ["a.bmp", "a.jpg", "a.png", "c.PNG"]
    assert len(image.list_pictures(tmp_path, "jpg")) == 1


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    for use in (lambda: image.load_img("x.png"), lambda: image.array_to_img(np.zeros((2, 2, 3)))):
        with pytest.raises(ImportError, match="Pillow, which is not installed: pip install"):
            use()


# Data sets of folders, as Keras 3 has them

@pytest.mark.parametrize("mode, check", [
    ("int", lambda y, classes: y.dtype == np.int32 and y.tolist() == classes),
    ("binary", lambda y, classes: y.dtype == np.float32 and y.shape == (10, 1) and y[:, 0].tolist() == classes),
    ("categorical", lambda y, classes: y[:, 1].tolist() == classes and y.sum() == 10),
])
def test_image_dataset_from_directory(mode, check, folder, capsys):
    made = image.image_dataset_from_directory(folder, label_mode=mode, image_size=(6, 8), batch_size=4, seed=1)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert made.class_names == ["cats", "dogs"] and len(made) == 3 and len(made.file_paths) == 10
    x, y = (np.concatenate(parts) for parts in zip(*made))      # one epoch
    assert x.shape == (10, 6, 8, 3) and check(y, (x.max((1, 2, 3)).astype(int) % 10).tolist())


def test_parts_of_an_image_dataset(folder):
    options = {"validation_split": 0.3, "seed": 3, "image_size": (6, 8), "verbose": False}
    both = image.image_dataset_from_directory(folder, subset="both", **options)
    single = [image.image_dataset_from_directory(folder, subset=s, **options) for s in ("training", "validation")]
    for a, b in zip(both, single):
        assert a.file_paths == b.file_paths
    assert len(set(both[0].file_paths) | set(both[1].file_paths)) == 10 and len(both[1].file_paths) == 3
    ordered = image.image_dataset_from_directory(folder, labels=list(range(10)), shuffle=False, image_size=(6, 8))
    assert ordered[0][1].tolist() == list(range(10))
    alone = image.image_dataset_from_directory(folder, labels=None, image_size=(6, 8), crop_to_aspect_ratio=True)
    assert alone[0].shape == (10, 6, 8, 3)


@pytest.mark.parametrize("options, text", [
    ({"label_mode": "text"}, "label_mode must be one of"), ({"subset": "test"}, "subset must be one of"),
    ({"validation_split": 0.2}, "go together"), ({"validation_split": 2, "subset": "both"}, "between 0 and 1"),
    ({"validation_split": 0.2, "subset": "both"}, "needs a seed"),
    ({"labels": [1, 2]}, "one for each of the 10 images"), ({"labels": "names"}, "labels must be"),
    ({"class_names": ["cats"], "label_mode": "binary"}, "needs 2 classes, found 1"),
])
def test_image_datasets_refused(options, text, folder):
    with pytest.raises(ValueError, match=text):
        image.image_dataset_from_directory(folder, **options)
