"""The package as others get it: a wheel, an editable install, a bare checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import tfmusic
from tfmusic.pretrained import DEFAULT

CHECKOUT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
OFFLINE = ["--no-deps", "--no-index", "--no-build-isolation"]


def run(*command, cwd="/", **environment):
    """Runs a command to its good end and returns what it printed.

    `/` holds nothing of ours: what is imported there was installed.
    """
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def make_environment(folder):
    """A new virtual environment that borrows this one's packages.

    A path file makes them importable. Path files that lie on its paths are not read
    in turn, so an editable install of the running checkout stays out.
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = Path(run(python, "-c", code).strip())
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "borrowed.pth").write_text("\n".join(paths))
    return python


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout, so that building leaves no traces in it."""
    folder = tmp_path_factory.mktemp("source") / "checkout"
    unwanted = shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__")
    shutil.copytree(CHECKOUT, folder, ignore=unwanted)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(*PIP, "wheel", *OFFLINE, "--wheel-dir", folder, source)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An environment with everything but tfmusic."""
    return make_environment(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel installed."""
    python = make_environment(tmp_path_factory.mktemp("installed"))
    # Even where the borrowed packages hold a tfmusic of the same version.
    run(*PIP, "--python", python, "install", *OFFLINE, "--force-reinstall", wheel)
    return python


@pytest.fixture(scope="module")
def editable(source, tmp_path_factory):
    """An environment with the copy of the checkout installed as editable."""
    python = make_environment(tmp_path_factory.mktemp("editable"))
    run(*PIP, "--python", python, "install", *OFFLINE, "--editable", source)
    return python


def check_commands(python, home, **where):
    """`python` finds tfmusic below `home`, and both commands there say their flags."""
    code = "import tfmusic; print(tfmusic.__file__, tfmusic.__version__)"
    path, version = run(python, "-c", code, **where).rsplit(maxsplit=1)
    assert Path(path).is_relative_to(home)
    assert version == tfmusic.__version__
    assert "--preset=" in run(python, "-m", "tfmusic.train", "--help", **where)
    assert "--formats=" in run(python, "-m", "tfmusic.export", "--help", **where)


def test_the_wheel_holds_the_package_and_nothing_else(wheel, source):
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "tfmusic").rglob("*")
        if path.suffix == ".py" or "weights" in path.parts and path.is_file()
    }
    assert f"tfmusic/weights/{DEFAULT}/MODEL_CARD.md" in expected
    for folder in "datasets", "export":
        modules = {f"tfmusic/{folder}/{p.name}" for p in (source / folder).glob("*.py")}
        assert modules
        expected |= modules
    names = set(zipfile.ZipFile(wheel).namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == expected
    assert any(name.endswith("LICENSE") for name in names - held)


def test_the_source_distribution_holds_the_models(source, tmp_path):
    setup = ["setup.py", "--quiet", "sdist", "--dist-dir", tmp_path]
    run(sys.executable, *setup, cwd=source)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    weights = {
        path.relative_to(source).as_posix()
        for path in (source / "tfmusic" / "weights").rglob("*")
        if path.is_file()
    }
    assert weights and weights < held
    assert {"setup.py", "export/runtime.py", "datasets/pieces.py"} < held


def test_the_wheel_runs_from_elsewhere(installed):
    check_commands(installed, installed.parents[1])
    code = "from tfmusic.pretrained import *; print(pretrained_folder(DEFAULT))"
    folder = Path(run(installed, "-c", code).strip())
    assert folder.is_relative_to(installed.parents[1])


def test_an_editable_install_runs_from_elsewhere(editable, source):
    check_commands(editable, source)


def test_a_bare_checkout_runs(bare):
    check_commands(bare, CHECKOUT, cwd=CHECKOUT)


def test_a_checkout_does_not_shadow_another_datasets_package(bare, tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("name = 'the other one'\n")
    code = "import tfmusic.datasets.registry, datasets; print(datasets.name)"
    printed = run(bare, "-c", code, cwd=CHECKOUT, PYTHONPATH=str(tmp_path))
    assert printed == "the other one\n"
