"""Rules for the whole package: imports, forbidden calls and public names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

import napari_dip

SOURCE = Path(napari_dip.__file__).parent
QT = ("pyqt5", "pyqt6", "pyside2", "pyside6")


def test_importing_the_package_imports_no_heavy_library():
    heavy = {"torch", "napari", "qtpy", "magicgui", "matplotlib", "skimage", "tifffile"}
    code = f"import sys, napari_dip; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("chosen", [None, "7"])
def test_threads_do_not_wait_in_a_long_loop_unless_the_user_chose_so(chosen, monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if chosen:
        monkeypatch.setenv("GOMP_SPINCOUNT", chosen)
    code = "import napari_dip, os; print(os.environ['GOMP_SPINCOUNT'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [chosen or "5000"]


def test_core_imports_no_window_and_file_libraries():
    heavy = {"napari", "qtpy", "magicgui", "superqt", "pyqtgraph", "tifffile", "matplotlib"}
    code = f"import sys, napari_dip.api; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_public_names():
    assert sorted(napari_dip.__all__) == [
        "DipConfig", "Image", "__version__", "deconvolve", "denoise", "fit", "forecast",
        "inpaint", "invert_features", "measure_psf", "reconstruct_fourier", "remove_jpeg",
        "restore", "restore_guided", "super_resolve",
    ]  # fmt: skip
    assert dir(napari_dip) == napari_dip.__all__
    for name in napari_dip.__all__:
        assert getattr(napari_dip, name) is not None


def test_unknown_public_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="colour"):
        napari_dip.colour  # noqa: B018


def test_base_install_has_no_qt_binding_and_no_napari():
    base = [line for line in requires("napari-dip") or [] if "extra ==" not in line]
    names = {re.split(r"[^\w-]", line)[0].lower() for line in base}
    assert {"torch", "numpy", "pydantic"} <= names
    assert not names & {*QT, "napari"}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_module_has_no_absolute_paths_and_no_pickle(path):
    text = path.read_text(encoding="utf-8")
    # allow_pickle=False forbids numpy to load pickles.
    assert "pickle" not in text.replace("allow_pickle=False", "")
    for place in ("/home/", "/root/", "/Users/", "/tmp/", "/work/", "C:\\"):
        assert place not in text


def calls(tree):
    """Yield the dotted name and the keywords of each call in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: word.value for word in node.keywords}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_module_runs_no_code_from_data_and_uses_no_network(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, words in calls(tree):
        assert name not in {"eval", "exec", "compile", "__import__", "os.system", "yaml.load"}
        assert not name.startswith(("marshal.", "shelve.", "subprocess.run", "subprocess.Popen"))
        if name == "torch.load":
            assert ast.literal_eval(words["weights_only"]) is True
        if name == "np.load":
            assert ast.literal_eval(words["allow_pickle"]) is False
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in (
            [ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names
        )
    }
    network = {
        "socket",
        "http",
        "urllib",
        "urllib3",
        "requests",
        "ftplib",
        "aiohttp",
        "pooch",
        "fsspec",
    }
    assert not imported & (network | {"pickle", "dill", "cloudpickle", "joblib"})


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_module_uses_monotonic_clocks(path):
    names = {name for name, _ in calls(ast.parse(path.read_text(encoding="utf-8")))}
    # Only logs have the time of day in their names.
    dates = {"datetime.now"} if path.name != "logs.py" else set()
    assert not names & ({"time.time", "time.time_ns", "time.localtime"} | dates)


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for folder in ("core", "api", "io", "config", "compare", "render", "batch", "gui")
        for path in (SOURCE / folder).rglob("*.py")
        # The only module that writes command lines.
        if path.name != "export_code.py"
    ),
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_only_the_command_line_names_its_options(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.search(r"(?<![\w-])--[a-z]", node.value), node.value


def test_package_is_marked_as_typed():
    assert (SOURCE / "py.typed").exists()


def test_lowest_tested_versions_equal_the_lowest_allowed_ones():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = (root / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert tested == [line.replace(">=", "==") for line in project["dependencies"]]
