import json
import zipfile

import numpy as np
import pytest

from tfmusic.datasets.jsb_files import NAMES, find_file, parse_grids
from tfmusic.errors import UserError

# Two steps: a chord of C major, then the bass alone.
DATA = {"train": [[[72, 67, 64, 48], [-1, -1, -1, 47]]], "valid": [], "test": []}
GRID = [[72, 67, 64, 48], [-1, -1, -1, 47]]


def test_rests_are_minus_one_or_not_a_number():
    text = json.dumps(DATA)
    for rest in ("-1", "NaN", "null"):
        grids = parse_grids(text.replace("-1", rest).encode(), "file")
        assert list(grids) == ["train", "validation", "test"]
        np.testing.assert_array_equal(grids["train"], [GRID])
        assert grids["train"][0].dtype == np.int32


@pytest.mark.parametrize("pitch", [60.5, 128, -2, "C4"])
def test_what_is_no_pitch_is_refused(pitch):
    data = {**DATA, "valid": [[[pitch, 60, 60, 60]]]}
    with pytest.raises(UserError, match="file is not the JSB Chorales"):
        parse_grids(json.dumps(data).encode(), "file")


def test_the_file_is_found_wherever_it_lies(tmp_path):
    content = json.dumps(DATA).encode()
    plain = tmp_path / "mine.json"  # given itself, its name does not matter
    plain.write_bytes(content)
    assert find_file(str(plain)) == (str(plain), content)

    nested = tmp_path / "deep" / "er" / NAMES[0]
    nested.parent.mkdir(parents=True)
    nested.write_bytes(content)
    assert find_file(str(tmp_path)) == (str(nested), content)

    archive = tmp_path / "Data.ZIP"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"jsb/{NAMES[0]}", content)
    name, found = find_file(str(archive))
    assert found == content and name.endswith(f"jsb/{NAMES[0]}")


def test_a_folder_without_it_is_one_line(tmp_path):
    with pytest.raises(UserError, match=f"holds neither {NAMES[0]} nor {NAMES[1]}"):
        find_file(str(tmp_path))
