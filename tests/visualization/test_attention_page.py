"""The page as a reader of HTML sees it, and its data as its script does."""

import base64
import html.parser
import json
import re

import numpy as np
import pytest

from tfmusic.errors import UserError
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.visualization import attention_page
from tfmusic.visualization.attention import Attention
from tfmusic.visualization.attention_page import (
    MAX_LINK_BYTES,
    MIN_WEIGHT,
    encode_links,
    smallest_weight,
    write_page,
)
from tfmusic.visualization.token_notes import token_notes

VOID = {"meta", "input", "br", "link", "img"}
TOKENIZER = ChoraleTokenizer()
IDS = TOKENIZER.grid_to_ids([[72, 67, 64, 48]] * 2 + [[71, 67, -1, 55]])


class Reader(html.parser.HTMLParser):
    """Checks that elements close in order; keeps ids, attributes and texts."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.attributes, self.texts = [], [], [], {}

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *attribute) for attribute in attributes]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data


def random_attention(places, heads=2, seed=0):
    generator = np.random.default_rng(seed)
    weights = np.tril(generator.exponential(size=(heads, places, places)) ** 3)
    weights = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
    mixers = ("FourierConvolution", "CausalMultiHeadAttention")
    return Attention((None, weights), mixers, first=1)


def decode_links(text, heads, places):
    """As the page's script does; weights below the least are zero."""
    stream, at = base64.b64decode(text), 0
    weights = np.zeros([heads, places, places])
    for head in range(heads):
        for query in range(places):
            count, at = stream[at], at + 1
            for _ in range(count):
                key = stream[at] + 256 * stream[at + 1]
                weights[head, query, key] = stream[at + 2] / 255
                at += 3
    assert at == len(stream)
    return weights


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "out" / "attention.html"
    places = token_notes(IDS, TOKENIZER).beginning(12, with_bos=True)
    attention = random_attention(13)
    title = "A & <b>"
    write_page(attention, places, path, title, layer=1, head=None, query=9)
    return attention, path.read_text("utf-8")


def test_it_is_well_formed_and_needs_nothing_else(page):
    _, text = page
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    assert len(set(reader.ids)) == len(reader.ids)
    assert {"roll", "layer", "heads", "data", "says"} <= set(reader.ids)
    assert "://" not in text
    fetching = {"src", "href", "xlink:href", "action", "srcset", "poster"}
    assert not fetching & {name for _, name, _ in reader.attributes}
    for word in ("import(", "fetch(", "XMLHttpRequest", "url(", "@import"):
        assert word not in text
    assert reader.texts[("title", None)] == "A & <b>"
    assert "$" not in reader.texts[("script", None)].replace("]$/", "")


def test_every_element_that_the_script_asks_for_is_there(page):
    reader = Reader()
    reader.feed(page[1])
    asked = set(re.findall(r'at\("(\w+)"\)', reader.texts[("script", None)]))
    assert asked and asked <= set(reader.ids)


def test_its_data_are_the_music_and_the_weights(page):
    attention, text = page
    reader = Reader()
    reader.feed(text)
    data = json.loads(reader.texts[("script", "data")])
    assert (data["layer"], data["head"], data["token"]) == (1, None, 9)
    assert data["milliseconds"] == 375
    assert data["tokens"][:2] == [["beginning", -1, 0, 0], ["Soprano C5", 0, 0, 125]]
    assert data["tokens"][11] == ["Tenor REST", -1, 250, 375]
    assert [0, 250, 72, 0] in data["notes"] and [250, 375, 55, 3] in data["notes"]
    without, layer = data["layers"]
    assert without == {
        "name": "layer 1 (FourierConvolution)",
        "heads": 0,
        "links": None,
    }
    weights = attention.layers[1]
    kept = np.where(weights >= MIN_WEIGHT, weights, 0)
    decoded = decode_links(layer["links"], 2, 13)
    np.testing.assert_allclose(decoded, kept, atol=0.5 / 255 + 1e-6)
    assert "Links weaker than 0.4% are not in this page." in text
    assert "No attention to tokens: layer 1 (FourierConvolution)." in text


def test_places_beyond_a_byte():
    weights = np.zeros([1, 600, 600], np.float32)
    weights[0, 599, [0, 255, 256, 599]] = 0.25
    np.testing.assert_allclose(
        decode_links(encode_links(weights, MIN_WEIGHT), 1, 600), weights, atol=0.5 / 255
    )


def test_the_weakest_links_go_where_there_are_too_many(monkeypatch):
    attention = random_attention(100)
    weights = attention.layers[1]
    assert smallest_weight(attention) == MIN_WEIGHT
    monkeypatch.setattr(attention_page, "MAX_LINK_BYTES", 2 * 100 + 3 * 300)
    least = smallest_weight(attention)
    assert MIN_WEIGHT < least and 250 < (weights >= least).sum() <= 300
    assert len(base64.b64decode(encode_links(weights, least))) <= 1100
    assert MAX_LINK_BYTES * 4 / 3 < 2_800_000


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    places = token_notes(IDS, TOKENIZER).beginning(12, with_bos=True)
    with pytest.raises(UserError, match="cannot write"):
        write_page(
            *(random_attention(13), places, tmp_path / "file" / "page.html", "T"),
            *(1, None, 0),
        )
