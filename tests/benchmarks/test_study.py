from benchmarks import cells, study


def test_a_plan_has_every_cell_once():
    planned = study.plan(["causal", "other"], ["equal_steps", "step"], [8, 16])
    assert [(cell["kind"], cell["mixer"], cell["length"]) for cell in planned] == [
        ("equal_steps", "causal", 512),
        ("equal_steps", "other", 512),
        ("step", "causal", 8),
        ("step", "other", 8),
        ("step", "causal", 16),
        ("step", "other", 16),
    ]


def rows_of(*rows):
    return {cells.key(row, study.KEY): row for row in rows}


def test_what_was_measured_or_failed_is_not_missing():
    measured, failed, open_ = study.plan(["a", "b", "c"], ["step"], [8])
    rows = rows_of({**measured, "seconds": 1.0}, {**failed, "failed": "crashed"})
    assert study.missing([measured, failed, open_], rows) == [open_]
    assert study.missing([measured, failed, open_], rows, retry=True) == [failed, open_]


def test_rows_of_another_version_do_not_count():
    (cell,) = study.plan(["a"], ["step"], [8])
    old = {**cell, "version": 0, "seconds": 1.0}
    assert study.missing([cell], rows_of(old)) == [cell]
    assert study.current([old, cell]) == [cell]
