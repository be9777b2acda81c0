"""No import goes in a circle, of files as of packages; those in functions count, those for types don't."""

from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest


def imports_of(root):
    """What each file of a package imports when it runs, the names included that packages offer lazily."""
    graph, with_types = (
        grimp.build_graph(root, exclude_type_checking_imports=excluded, cache_dir=None)
        for excluded in (True, False)
    )
    imports = {file: set(graph.find_modules_directly_imported_by(file)) for file in graph.modules}
    folder = Path(find_spec(root).origin).parents[1]
    for package in packages_of(imports):
        if "def __getattr__" in (folder / package.replace(".", "/") / "__init__.py").read_text():
            imports[package] |= with_types.find_modules_directly_imported_by(package)
    return imports


def packages_of(imports):
    return sorted({file.rpartition(".")[0] for file in imports if "." in file})


def circle_in(package, imports):
    """A circle among what stands in a package: its files, its subpackages as wholes, its own ``__init__``."""

    def part(file):
        return ".".join(file.split(".")[: package.count(".") + 2])

    inside = {file for file in imports if file == package or file.startswith(f"{package}.")}
    parts = {part(file): set() for file in inside}
    for file in inside:
        parts[part(file)] |= {part(other) for other in imports[file] & inside} - {part(file)}
    try:
        TopologicalSorter(parts).prepare()
    except CycleError as error:
        return " -> ".join(name.removeprefix(f"{package}.") for name in reversed(error.args[1]))
    return ""


IMPORTS = imports_of("glam_eval")


@pytest.mark.parametrize("package", packages_of(IMPORTS))
def test_nothing_in_a_package_is_in_a_circle(package):
    assert circle_in(package, IMPORTS) == ""


@pytest.mark.parametrize(
    ("name", "files", "circles"),
    [
        ("straight", {"a": "from {root} import b", "b": ""}, {}),
        ("two_files", {"a": "from {root} import b", "b": "import {root}.a"}, {"": "a -> b -> a"}),
        (
            "in_a_function",
            {"a": "def f():\n    from {root}.b import x", "b": "from {root} import a; x = 1"},
            {"": "a -> b -> a"},
        ),
        (
            "for_types",
            {
                "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {root} import b",
                "b": "from {root} import a",
            },
            {},
        ),
        (
            "of_packages",
            {"p.a": "import {root}.q.b", "p.c": "", "q.b": "", "q.d": "import {root}.p.c"},
            {"": "p -> q -> p"},
        ),
        ("deep", {"p.a": "import {root}.p.b", "p.b": "import {root}.p.a"}, {".p": "a -> b -> a"}),
        (
            "re_export",
            {"p": "from {root}.p.a import x", "p.a": "from {root}.p import y\nx = 1"},
            {".p": "{root}.p -> a -> {root}.p"},
        ),
        (
            "lazy_re_export",
            {
                "p": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {root}.p.a import x\n"
                "def __getattr__(name): ...",
                "p.a": "from {root}.p import x",
            },
            {".p": "{root}.p -> a -> {root}.p"},
        ),
    ],
)
def test_circles_of_every_kind_are_found(tmp_path, monkeypatch, name, files, circles):
    root = f"circle_{name}"
    for file, text in {"": "", **dict.fromkeys({f.rpartition(".")[0] for f in files}, ""), **files}.items():
        is_package = not file or any(other.startswith(f"{file}.") for other in files)
        path = tmp_path / root / file.replace(".", "/")
        path = path / "__init__.py" if is_package else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{root}", root))
    monkeypatch.syspath_prepend(tmp_path)
    imports = imports_of(root)
    found = {package.removeprefix(root): circle_in(package, imports) for package in packages_of(imports)}

    def rotated(circle):
        """The same circle wherever it is entered."""
        names = circle.replace("{root}", root).split(" -> ")[:-1]
        return names[names.index(min(names)) :] + names[: names.index(min(names))]

    assert {place: rotated(circle) for place, circle in found.items() if circle} == {
        place: rotated(circle) for place, circle in circles.items()
    }
