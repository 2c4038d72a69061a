"""Tables (.csv) that come with a data set and say which files belong to it."""

import csv
import io
import posixpath
from collections.abc import Iterable

from tfmusic.datasets.input_files import list_files
from tfmusic.errors import UserError


def find_file(path: str, name: str) -> str | None:
    """Where a folder or zip holds a file: as near to the top as it has one.

    Args:
        path: a folder, a zip or a single file.
        name: the file's, without folders.

    Returns:
        Its name as `list_files` gives it, or None.

    Raises:
        UserError: the path is missing or can't be read.
    """
    found = list_files(path, lambda file: posixpath.basename(file) == name)
    return min(found, key=lambda file: (file.count("/"), file), default=None)


def parse_table(data: bytes, label: str, columns: Iterable[str]) -> list[dict]:
    """The rows of a .csv, in its order, each a dict by the names of the columns.

    Args:
        data: UTF-8; of any other encoding, what isn't ASCII is not to be relied on.
        label: names the file in messages.
        columns: that it must have.

    Raises:
        UserError: a column is missing, or a row is too short.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise UserError(f"{label} is not a table ({error}): unpack it again") from error
    columns = list(columns)
    for row in rows:
        missing = [column for column in columns if row.get(column) is None]
        if missing:
            raise UserError(
                f"{label} is not the table that was expected: a row has no "
                f"{', '.join(missing)}"
            )
    if not rows:
        raise UserError(f"{label} has no rows: unpack it again")
    return rows
