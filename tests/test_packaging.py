"""The files for PyPI, conda-forge, GitHub and citations agree with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
RECIPE = yaml.safe_load((ROOT / "packaging/conda/recipe.yaml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
# Libraries with another name on conda-forge.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}


def as_conda(requirement):
    """Return a requirement of pyproject.toml as a recipe has it."""
    name, bound = re.fullmatch(r"([\w-]+)(?:\[\w+\])?(.*)", requirement).groups()
    return f"{CONDA_NAMES.get(name, name)} {bound}".strip()


def minimum_python():
    return PROJECT["requires-python"].removeprefix(">=")


def promised_pythons():
    classifiers = "\n".join(PROJECT["classifiers"])
    return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("run", ["python >=${{ python_min }}", *map(as_conda, PROJECT["dependencies"])]),
        ("run_constraints", [as_conda(each) for each in PROJECT["optional-dependencies"]["gui"]]),
        (
            "host",
            [
                "python ${{ python_min }}.*",
                "pip",
                *map(as_conda, PYPROJECT["build-system"]["requires"]),
            ],
        ),
    ],
)
def test_the_recipe_has_the_dependencies_of_the_package(section, expected):
    assert sorted(RECIPE["requirements"][section]) == sorted(expected)


def test_the_recipe_has_the_commands_and_the_python_of_the_package():
    commands = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert RECIPE["build"]["python"]["entry_points"] == commands
    assert RECIPE["context"]["python_min"] == minimum_python()


def test_the_tests_run_on_every_promised_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == promised_pythons()
    assert promised_pythons()[0] == minimum_python()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_only_environments_that_tox_has(workflow):
    sections = re.findall(
        r"^\[testenv:(\w+)\]", (ROOT / "tox.ini").read_text(encoding="utf-8"), re.MULTILINE
    )
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    runs = [step.get("run", "") for job in jobs for step in job.get("steps", [])]
    named = {
        name
        for run in runs
        for match in re.findall(r"\.ci/run -e ([\w,]+)", run)
        for name in match.split(",")
    }
    assert named <= set(sections)


def test_license_and_address_are_the_same_everywhere():
    source = PROJECT["urls"]["Source Code"]
    docs = PROJECT["urls"]["Documentation"]
    about = RECIPE["about"]
    assert {CITATION["license"], about["license"]} == {PROJECT["license"]}
    assert {CITATION["repository-code"], about["repository"], about["homepage"]} == {source}
    assert {CITATION["url"], about["documentation"]} == {docs}
    assert f"site_url: {docs}\n" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_relative_link_of_the_readme_becomes_absolute():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert all("raw.githubusercontent.com" in picture for picture in pictures)


def test_the_icon_of_the_manifest_is_a_square_picture_in_the_package():
    manifest = yaml.safe_load(files("napari_dip").joinpath("napari.yaml").read_text("utf-8"))
    package, _, name = manifest["icon"].partition(":")
    root = ElementTree.fromstring(files(package).joinpath(name).read_text("utf-8"))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width == height > 0
