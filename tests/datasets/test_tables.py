import pytest

from tests.datasets.tiny_files import write_files
from tfmusic.datasets.tables import find_file, parse_table
from tfmusic.errors import UserError


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_the_file_nearest_to_the_top_is_found(name, tmp_path):
    files = {
        "z/info.csv": "",
        "a/b/info.csv": "",
        "y/info.csv": "",
        "y/my info.csv": "",
    }
    path = write_files(tmp_path / name, files)
    assert find_file(path, "info.csv") == "y/info.csv"
    assert find_file(path, "other.csv") is None


def test_rows_are_dicts_in_any_encoding():
    rows = [{"id": "1", "name": "Dvořák, Antonín"}, {"id": "2", "name": ""}]
    text = 'id,name\r\n1,"Dvořák, Antonín"\r\n2,\r\n'
    assert parse_table(text.encode(), "t.csv", ["id", "name"]) == rows
    assert parse_table(text.encode("utf-8-sig"), "t.csv", ["id", "name"]) == rows
    [row] = parse_table(b"id,name\n1,\xbf\xf9\n", "t.csv", ["id"])
    assert row["id"] == "1"


@pytest.mark.parametrize(
    "data",
    [b"", b"id,name\n", b"id\n1\n", b"id,name\n1\n", b"\x00\x01\xff", b"PK\x03\x04"],
    ids=str,
)
def test_other_data_is_one_line(data):
    with pytest.raises(UserError, match="t.csv") as error:
        parse_table(data, "t.csv", ["id", "name"])
    assert "\n" not in str(error.value)
