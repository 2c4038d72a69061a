from tfmusic.datasets.bach_chorales import BachChorales


def test_the_listing_is_the_installed_corpus(tmp_path):
    builder = BachChorales(data_dir=str(tmp_path))
    listing = builder.list_items()
    assert listing.origin.startswith("music21 ")
    assert len(listing.items) > 400
    assert builder.input_bytes() == b""
