import os
import subprocess
import sys

import pytest

from tfmusic.datasets import corpus
from tfmusic.datasets.corpus import find_corpus
from tfmusic.errors import UserError


@pytest.mark.parametrize(
    "name, file", [("bach", "bwv66.6.mxl"), ("essenFolksong", "erk5.abc")]
)
def test_folders_hold_their_music(name, file):
    assert os.path.isfile(os.path.join(find_corpus(name), file))


def test_no_corpus_is_a_user_error(monkeypatch):
    with pytest.raises(UserError, match="pip install music21"):
        find_corpus("nothing there")
    monkeypatch.setattr(corpus.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install music21"):
        find_corpus("bach")


def test_music21_is_found_without_being_imported():
    program = (
        "import sys; from tfmusic.datasets.corpus import find_corpus; "
        "find_corpus('bach'); print({'music21', 'tensorflow'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "set()"
