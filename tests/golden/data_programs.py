"""What is computed by Keras 3 for keras3_data.json, and by tahr in the tests: the same programs, word for word.

Each program takes a namespace of functions and classes, Keras's or tahr's, and returns plain values.
"""

import json

import numpy as np

SENTENCES = ["The quick brown fox jumped over the lazy dog.", "the dog: was it lazy?", "Fox, fox! and a\tFOX\nagain",
             "", "brown dogs don't jump"]
OTHERS = ["the fox was quick", "unknown words only"]
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


@program
def to_categorical(k):
    found = [k.to_categorical([3, 0, 1]), k.to_categorical([[1], [0]], 4), k.to_categorical([[0, 2], [1, 1]], 3)]
    return [rows.astype("float64") for rows in found]       # which Keras 3 has; Keras 2 has float32


@program
def normalize(k):
    x = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 2.0, 2.0]])
    # Not axis=0, which Keras 3 takes for -1, and no single vectors, which it gives another axis.
    return [k.normalize(x), k.normalize(x.T, axis=-2), k.normalize(x, order=1), k.normalize(x, order=np.inf)]


@program
def pad_sequences(k):
    rows = [[1], [2, 3], [4, 5, 6, 7], []]
    deep = [[[1, 2], [3, 4]], [[5, 6]]]
    return [k.pad_sequences(rows), k.pad_sequences(rows, maxlen=3), k.pad_sequences(rows, 2, padding="post"),
            k.pad_sequences(rows, 2, truncating="post"), k.pad_sequences(rows, 5, "float32", value=-1.5),
            k.pad_sequences(deep, 3, padding="post"), k.pad_sequences(deep, 1),
            k.pad_sequences([["a"], ["b", "c"]], dtype=object, value="pad").tolist()]


@program
def sampling_table(k):
    return [k.make_sampling_table(6), k.make_sampling_table(200, 0.01)[::20]]


@program
def skipgrams(k):
    words = [1, 2, 0, 3, 4, 2, 5]
    return [k.skipgrams(words, 6, window_size=2, negative_samples=0, shuffle=False),
            k.skipgrams(words, 6, window_size=1, negative_samples=0, seed=7),
            k.skipgrams(words, 6, window_size=4, negative_samples=0, categorical=True, seed=3)]


@program
def timeseries(k):
    data, targets = np.arange(40).reshape(20, 2), np.arange(20) * 10
    found = []
    for options in ({"length": 4}, {"length": 5, "sampling_rate": 2, "stride": 3, "batch_size": 2},
                    {"length": 3, "start_index": 4, "end_index": 12, "reverse": True, "batch_size": 4}):
        series = k.TimeseriesGenerator(data, targets, **options)
        found.append([len(series), [list(series[i]) for i in range(len(series))]])
    return found


@program
def words(k):
    return [[k.text_to_word_sequence(s) for s in SENTENCES], k.text_to_word_sequence("A-B c", filters="c", lower=False),
            k.text_to_word_sequence("a..b.c", split="."), k.hashing_trick("to be or not to be", 50, "md5")]


@program
def tokenizer(k):
    found = []
    for options in ({}, {"num_words": 5}, {"oov_token": "<oov>"}, {"oov_token": "<oov>", "num_words": 4},
                    {"char_level": True, "num_words": 9}, {"lower": False, "filters": "."}):
        made = k.Tokenizer(**options)
        made.fit_on_texts(SENTENCES)
        numbers = made.texts_to_sequences(OTHERS + SENTENCES)
        found.append([made.word_index, dict(made.word_counts), made.document_count, numbers,
                      made.sequences_to_texts(numbers), {str(k): v for k, v in sorted(made.index_docs.items())}])
        found += [made.texts_to_matrix(SENTENCES, mode) for mode in ("binary", "count", "freq", "tfidf")]
    return found


@program
def tokenizer_of_lists_and_numbers(k):
    made = k.Tokenizer(num_words=6)
    made.fit_on_texts([["A", "b"], ["b", "C", "c"]])
    counts = k.Tokenizer(num_words=5)
    counts.fit_on_sequences([[1, 2, 2], [3, 1], [9]])
    return [made.word_index, made.texts_to_sequences([["c", "a"]]), counts.document_count,
            counts.sequences_to_matrix([[1, 1, 3], [7, 2], []], "tfidf")]


@program
def tokenizer_as_json(k):
    made = k.Tokenizer(oov_token="?", num_words=8)
    made.fit_on_texts(SENTENCES)
    again = k.tokenizer_from_json(made.to_json())
    config = json.loads(made.to_json())["config"]
    dicts = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "index_docs", "index_word",
                                                             "word_index")}
    return [config, dicts, again.texts_to_sequences(OTHERS), again.word_index]


@program
def random_transforms(k):
    found = []
    for options in ({"rotation_range": 30, "width_shift_range": 0.2, "height_shift_range": 3.5, "shear_range": 10.0},
                    {"width_shift_range": 3, "height_shift_range": [1, 5], "zoom_range": 0.3, "horizontal_flip": True},
                    {"zoom_range": (0.5, 2.0), "vertical_flip": True, "channel_shift_range": 9.0,
                     "brightness_range": (0.5, 1.5)},
                    {"width_shift_range": [0.1, 0.4], "data_format": "channels_first"}):
        generator = k.ImageDataGenerator(**options)
        found.append([{name: None if v is None else float(v) for name, v in
                       generator.get_random_transform((10, 20, 30), seed).items()} for seed in range(4)])
    return found


@program
def standardized(k):
    images = np.random.RandomState(0).uniform(0, 255, (6, 4, 5, 3))
    found = []
    for options in ({"rescale": 1 / 255}, {"samplewise_center": True, "samplewise_std_normalization": True},
                    {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.1},
                    {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-9},
                    {"preprocessing_function": np.sqrt, "rescale": 2.0}):
        generator = k.ImageDataGenerator(dtype="float64", **options)
        generator.fit(images)
        found.append(generator.standardize(images[1].copy()))
    return found


@program
def flow_order(k):
    images = np.arange(7.0).reshape(7, 1, 1, 1)
    flow = k.ImageDataGenerator().flow(images, np.arange(7), batch_size=3, seed=5)
    batches = [next(flow) for _ in range(9)]
    return [[x.ravel(), y] for x, y in batches]


@program
def brightness(k):
    x = np.array([[[0.0, 60.0, 130.0], [255.0, 10.0, 90.0]]])
    return [k.apply_channel_shift(x, 20.0, 2), k.apply_channel_shift(x, -50.0, 2), k.flip_axis(x, 1)]


@program
def reviews(k):
    found = []
    for options in ({}, {"num_words": 12, "skip_top": 2}, {"maxlen": 6}, {"num_words": 9, "oov_char": None},
                    {"start_char": None, "index_from": 0}, {"start_char": None, "index_from": 2, "seed": 1}):
        (x, y), (x_test, y_test) = k.imdb(**options)
        found.append([x.tolist(), y, x_test.tolist(), y_test])
        (x, y), (x_test, y_test) = k.reuters(test_split=0.3, **options)
        found.append([x.tolist(), y, x_test.tolist(), y_test])
    return found


@program
def housing(k):
    return [list(map(list, k.boston())), list(map(list, k.california(version="small", test_split=0.25, seed=2)))]


def lists(count, seed):
    """An object array of lists of word numbers, as imdb.npz and reuters.npz hold them."""
    random = np.random.RandomState(seed)
    made = np.empty(count, object)
    made[:] = [random.randint(1, 15, random.randint(2, 9)).tolist() for _ in range(count)]
    return made


FILES = {
    "imdb": {"x_train": lists(9, 0), "y_train": np.arange(9) % 2, "x_test": lists(5, 1), "y_test": np.arange(5) % 2},
    "reuters": {"x": lists(11, 2), "y": np.arange(11)},
    "boston": {"x": np.arange(30.0).reshape(10, 3), "y": np.arange(10.0)},
    "california": {"x": np.arange(1400.0).reshape(700, 2).astype("float32"), "y": np.arange(700.0, dtype="float32")},
}


def plain(value):
    """Arrays as ``{"dtype", "values"}``, tuples as lists: what JSON can hold."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": value.ravel().tolist()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return value.item() if isinstance(value, np.generic) else value
