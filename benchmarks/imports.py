"""Measure the import structure of a source tree: packages, levels, arrows and circles.

    python -m benchmarks.imports [PATH_TO_SRC]

PATH_TO_SRC holds the package `napari_dip`; it is `src` of this checkout by default. The
package is parsed, not imported, so an older version can be measured as well. Imports for
type checking alone count, as they do in the contracts of `lint-imports`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "napari_dip"
MANY_MODULES = 15

Arrows = Mapping[str, set[str]]


def room_of(module: str, packages: set[str], crowds: set[str]) -> str:
    """Return the part of the tree that a module belongs to.

    A package without packages inside is one part. A module that lies beside packages, such
    as `errors.py`, is a part of its own: it has its own place in the order of layers.
    """
    parent = module if module in packages else module.rpartition(".")[0]
    return module if parent in crowds else parent


def top_of(module: str) -> str:
    """Return the child of the package that a module is, or is inside of."""
    return ".".join(module.split(".")[:2])


def joined(modules: Arrows, names: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the arrows between groups of modules; `names` maps each module to its group."""
    arrows: dict[str, set[str]] = {name: set() for name in names.values()}
    for module, imported in modules.items():
        arrows[names[module]] |= {names[target] for target in imported} - {names[module]}
    return arrows


def circles(arrows: Arrows) -> list[list[str]]:
    """Return the groups of nodes that reach one another along the arrows.

    These are the strongly connected components of more than one node, the largest first.

    Examples
    --------
    >>> circles({"a": {"b"}, "b": {"a"}, "c": {"a"}})
    [['a', 'b']]
    """
    reached = {node: _reachable(node, arrows) for node in arrows}
    groups = {
        tuple(sorted(other for other in reached[node] if node in reached[other]))
        for node in arrows
        if node in reached[node]
    }
    return sorted(map(list, groups), key=lambda group: (-len(group), group))


def levels(arrows: Arrows) -> int:
    """Return the number of nodes on the longest path; a circle counts as one node.

    Examples
    --------
    >>> levels({"a": {"b"}, "b": {"c"}, "c": set()})
    3
    """
    representative = {node: node for node in arrows}
    for group in circles(arrows):
        representative |= dict.fromkeys(group, group[0])
    below: dict[str, set[str]] = {node: set() for node in representative.values()}
    for node, targets in arrows.items():
        below[representative[node]] |= {representative[target] for target in targets}
    heights: dict[str, int] = {}

    def height(node: str) -> int:
        if node not in heights:
            heights[node] = 1 + max((height(other) for other in below[node] - {node}), default=0)
        return heights[node]

    return max(map(height, below), default=0)


def _reachable(start: str, arrows: Arrows) -> set[str]:
    """Return the nodes that one or more arrows lead to from `start`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def picture(source: Path) -> str:
    """Return the measures of the package below a folder, one a line."""
    import grimp  # comes with import-linter; the rest of the module does not need it

    sys.path.insert(0, str(source))
    graph = grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=False)
    files = {_module(path, source): path for path in (source / PACKAGE).rglob("*.py")}
    packages = {name for name, path in files.items() if path.name == "__init__.py"}
    crowds = {name.rpartition(".")[0] for name in packages}
    modules = {
        module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
    }
    top = joined(modules, {module: top_of(module) for module in modules})
    rooms = joined(modules, {module: room_of(module, packages, crowds) for module in modules})
    lines, count = Counter[str](), Counter[str]()
    for name, path in files.items():
        own = name if name in packages else name.rpartition(".")[0]
        lines[own] += len(path.read_text(encoding="utf-8").splitlines())
        count[own] += name not in packages
    (largest, most), total = lines.most_common(1)[0], lines.total()
    crowded = [f"{name} ({n})" for name, n in count.most_common() if n > MANY_MODULES]
    return "\n".join(
        [
            f"source: {source}",
            f"size: {count.total()} modules in {len(packages)} packages, {total} lines",
            f"top level: {_described(top)}",
            f"all packages: {_described(rooms)}",
            f"circles of modules: {_sizes(circles(modules))}",
            f"largest package: {largest}, {most / total:.0%} of the lines",
            f"packages of more than {MANY_MODULES} modules: {', '.join(crowded) or 'none'}",
        ]
    )


def _described(arrows: Arrows) -> str:
    count = sum(map(len, arrows.values()))
    return (
        f"{len(arrows)} parts on {levels(arrows)} levels, {count} arrows, "
        f"circles {_sizes(circles(arrows))}"
    )


def _module(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _sizes(groups: Iterable[list[str]]) -> str:
    sizes = [len(group) for group in groups]
    return f"{len(sizes)} (of {', '.join(map(str, sizes))})" if sizes else "0"


if __name__ == "__main__":
    print(picture(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "src"))
