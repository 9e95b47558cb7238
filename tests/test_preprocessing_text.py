"""Texts as numbers. What Keras 3 finds is in test_preprocessing_keras3.py."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahr.preprocessing.text import (
    FILTERS,
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)
from tahr.utils import keras1

texts = st.lists(st.text(alphabet="abcA .,!\n'", max_size=20), max_size=6)


@given(st.text(alphabet="abXY ,.!\t\n'é", max_size=30), st.booleans())
def test_words_are_what_lies_between_filters(text, lower):
    plain = text.lower() if lower else text
    for character in FILTERS:
        plain = plain.replace(character, " ")
    assert text_to_word_sequence(text, lower=lower) == [word for word in plain.split(" ") if word]


def test_words_with_other_separators():
    assert text_to_word_sequence("a,b;c", filters=";", split=",") == ["a", "b", "c"]
    assert text_to_word_sequence("a--b", filters="", split="--") == ["a", "b"]
    assert text_to_word_sequence(input_text="Tahr") == ["tahr"]


def test_hashes_are_the_same_in_every_process():
    code = "from tahr.preprocessing.text import one_hot; print(one_hot('to be or not to be', 100))"
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                            env={"PYTHONHASHSEED": seed, "PATH": ""}).stdout.strip() for seed in ("1", "2")}
    assert found == {str(one_hot("to be or not to be", 100))}
    assert one_hot("to", 100) == [int(hashlib.md5(b"to").hexdigest(), 16) % 99 + 1]


def test_hashing_trick_with_other_functions():
    assert hashing_trick("a bb ccc", 4, hash_function=len) == [2, 3, 1]
    assert hashing_trick("a bb", 9, "md5") == hashing_trick("a bb", 9)
    assert one_hot("a-b", 9, analyzer=lambda text: ["x"]) == one_hot("x", 9)
    with pytest.raises(ValueError, match="n must be at least 2, since 0 is no word, got 1"):
        hashing_trick("a", 1)
    with pytest.raises(ValueError, match="hash_function must be 'md5' or a function .* got 'sha1'"):
        hashing_trick("a", 9, "sha1")


@given(texts, st.none() | st.integers(2, 6), st.none() | st.just("<oov>"))
def test_a_tokenizer_counts_and_numbers(texts, num_words, oov):
    tokenizer = Tokenizer(num_words, oov_token=oov)
    tokenizer.fit_on_texts(iter(texts))
    split = [text_to_word_sequence(text) for text in texts]
    flat = [word for words in split for word in words]
    counts = {word: flat.count(word) for word in dict.fromkeys(flat)}
    ranked = ([oov] if oov else []) + sorted(counts, key=lambda word: -counts[word])
    assert tokenizer.word_index == {word: i for i, word in enumerate(ranked, 1)}
    assert tokenizer.index_word == dict(enumerate(ranked, 1))
    assert dict(tokenizer.word_counts) == counts and tokenizer.document_count == len(texts)
    assert tokenizer.word_docs == {word: sum(word in words for words in split) for word in counts}
    limit = num_words or len(ranked) + 1
    for words, numbers in zip(split, tokenizer.texts_to_sequences(texts)):
        expected = [tokenizer.word_index[w] if tokenizer.word_index[w] < limit else 1 if oov else None for w in words]
        assert numbers == [n for n in expected if n is not None]


def test_texts_come_back():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["the cat", "a dog"])
    assert tokenizer.sequences_to_texts(tokenizer.texts_to_sequences(["a cat"])) == ["a cat"]
    assert tokenizer.sequences_to_texts([[1, 99, 0, 2]]) == ["the cat"]
    assert list(tokenizer.texts_to_sequences_generator(["dog", ""])) == [[4], []]


def test_characters_lists_and_analyzers():
    letters = Tokenizer(char_level=True)
    letters.fit_on_texts(["Abba"])
    assert letters.texts_to_sequences(["BA"]) == [[2, 1]]
    ready = Tokenizer(lower=False)
    ready.fit_on_texts([["New York", "a"], ("a",)])
    assert ready.word_index == {"a": 1, "New York": 2}
    own = Tokenizer(analyzer=lambda text: text.split("-"))
    own.fit_on_texts(["A-b"])
    assert own.word_index == {"A": 1, "b": 2}


def test_matrices_by_their_formulas():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a a b", "b c"])
    rows = [[2, 2, 1], [3], []]
    assert tokenizer.sequences_to_matrix(rows, "count").tolist() == [[0, 1, 2, 0], [0, 0, 0, 1], [0] * 4]
    assert tokenizer.sequences_to_matrix(rows).tolist() == [[0, 1, 1, 0], [0, 0, 0, 1], [0] * 4]
    np.testing.assert_allclose(tokenizer.sequences_to_matrix(rows, "freq")[0], [0, 1 / 3, 2 / 3, 0])
    found = tokenizer.sequences_to_matrix(rows, "tfidf")
    assert found[0, 2] == pytest.approx((1 + np.log(2)) * np.log(1 + 2 / (1 + tokenizer.index_docs[2])))
    assert tokenizer.texts_to_matrix(["a"], "count").tolist() == [[0, 1, 0, 0]]


@pytest.mark.parametrize("arguments, mode, text", [
    ({}, "binary", "the number of columns is not known; give num_words, or fit on some texts first"),
    ({"num_words": 3}, "tfidf", "mode='tfidf' needs counts"),
    ({"num_words": 3}, "sum", "mode must be 'binary', 'count', 'freq' or 'tfidf', got 'sum'"),
])
def test_matrices_refused(arguments, mode, text):
    with pytest.raises(ValueError, match=text):
        Tokenizer(**arguments).sequences_to_matrix([[1]], mode)


def test_a_tokenizer_as_json_goes_on_where_it_was():
    tokenizer = Tokenizer(num_words=9, oov_token="?", lower=False)
    tokenizer.fit_on_texts(["a b", "b C"])
    again = tokenizer_from_json(tokenizer.to_json(indent=1))
    assert again.get_config() == tokenizer.get_config() and json.loads(tokenizer.to_json())["class_name"] == "Tokenizer"
    for each in (tokenizer, again):
        each.fit_on_texts(["C C C d"])
    assert again.get_config() == tokenizer.get_config() and again.word_index["C"] == 2


def test_keras_1_names(monkeypatch):
    monkeypatch.setitem(keras1.RENAMED, "Tokenizer", {"nb_words": "num_words"})
    with pytest.warns(DeprecationWarning, match="Tokenizer: 'nb_words' is now called 'num_words'"):
        assert Tokenizer(nb_words=5).num_words == 5
