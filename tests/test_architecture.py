"""The house rules that a program can check: floors, circles, sizes, what an import costs, what is forbidden."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nextitem

PACKAGE = Path(nextitem.__file__).parent
FLOORS = [
    {"errors"},
    {"keys", "calls"},
    {"compiling", "cores", "memory", "forking", "processes", "terminal", "agreements", "notebook", "writing"},
    {"replacing"},
    {"data"},
    {"diagnosis"},
    {"nn"},
    {"models"},
    {"evaluation"},
    {"retrieval"},
    {"installation"},
    {"recipe"},
    {"training"},
    {"runs"},
    {"analysis"},
    {"report"},
    {"tuning", "serving"},
    {"cli"},
    {"batches", "hub", "losses", "spark", "split"},  # public names, room by room
    {"__main__"},
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
TESTING = "testing"  # stands beside the house and uses everything up to training


def name_of(path: Path) -> str:
    """src/nextitem/data/splits/split.py -> data.splits.split, data/__init__.py -> data, __init__.py -> no name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
INSIDE = [name for name in MODULES if name]  # `nextitem` itself names everything, and loads it late


@cache
def nodes_of(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(MODULES[module].read_text())))


@cache
def imports_of(module: str) -> set[str]:
    return set(imports_among(nodes_of(module)))


def imports_among(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Full names of what is imported, wherever in the file: `from a.b import c` gives a.b and a.b.c."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def ours(module: str) -> set[str]:
    """The modules of this package that a module imports."""
    names = {name.removeprefix("nextitem.") for name in imports_of(module) if name.startswith("nextitem.")}
    return {name for name in names if name in MODULES} - {module}


def floor(module: str) -> str:
    return module.split(".")[0]


def others(module: str) -> set[str]:
    """The packages of other people, or of Python, that a module imports."""
    return {name.split(".")[0] for name in imports_of(module)} - {"nextitem"}


def on_floor(name: str) -> list[str]:
    return [module for module in INSIDE if floor(module) == name]


def offenders(modules: Iterable[str], found_in: Callable[[str], set[str]]) -> dict[str, set[str]]:
    """What breaks a rule, by module: all at once, so that one run names every place."""
    return {module: found for module in modules if (found := found_in(module))}


@cache
def calls_of(module: str) -> dict[str, list[ast.Call]]:
    """The calls in a module by what is called, as it is written: `pl.read_csv`."""
    found: dict[str, list[ast.Call]] = {}
    for node in nodes_of(module):
        if isinstance(node, ast.Call):
            found.setdefault(ast.unparse(node.func), []).append(node)
    return found


def test_the_checks_see_imports_inside_functions() -> None:
    tree = ast.parse("def load():\n    from nextitem.training import fit\n    import torch.nn")
    assert set(imports_among(ast.walk(tree))) == {"nextitem.training", "nextitem.training.fit", "torch.nn"}


def test_every_module_has_a_floor() -> None:
    assert {floor(module) for module in INSIDE} == {*HEIGHT, TESTING}


def test_imports_run_down_the_floors() -> None:
    def above(module: str) -> set[str]:
        height = HEIGHT["training"] if floor(module) == TESTING else HEIGHT[floor(module)]
        beside = set() if floor(module) == TESTING else {TESTING}
        return {name for name in ours(module) if floor(name) in beside or HEIGHT.get(floor(name), 0) > height}

    assert offenders(INSIDE, above) == {}


def test_nn_imports_errors_and_torch_alone() -> None:
    """But for the kernels, which are numba's and Triton's, and the adapter of mamba_ssm."""
    others_of = {
        "nn.kernels.scanning_gpu": {"triton"},
        "nn.kernels.entries": {"numba", "llvmlite"},
        "nn.kernels.spreading": {"numba", "llvmlite"},
        "nn.kernels.softmax_gpu": {"triton"},
        "nn.kernels.tiles": {"numba", "llvmlite"},
        "nn.scan.official": {"mamba_ssm"},
    }

    def strangers(module: str) -> set[str]:
        also = others_of.get(module, {"numba", "numpy"} if module.startswith("nn.kernels") else set())
        floors = {floor(name) for name in ours(module)} - {"nn", "errors", "keys", "compiling", "forking", "agreements"}
        return floors | others(module) - {"torch", *also, *sys.stdlib_module_names}

    assert offenders(on_floor("nn"), strangers) == {}


def test_kernels_are_compiled_through_one_door() -> None:
    """Which knows what to do where nothing can be written, and when threads must take turns."""
    compilers = {f"numba.{name}" for name in ("jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil")}

    def used(module: str) -> set[str]:
        attributes = {ast.unparse(node) for node in nodes_of(module) if isinstance(node, ast.Attribute)}
        return (attributes | imports_of(module)) & compilers

    assert offenders([name for name in INSIDE if name != "compiling"], used) == {}
    assert used("compiling")


def test_gradients_by_hand_refuse_to_be_differentiated_again() -> None:
    """But for those of graphs, which are made of each other (tests/nn/graphs holds their second derivatives)."""

    def differentiable(module: str) -> set[str]:
        functions = [
            node
            for node in nodes_of(module)
            if isinstance(node, ast.ClassDef) and "Function" in {ast.unparse(one).split(".")[-1] for one in node.bases}
        ]
        of_each_other = {"_Partial", "_Softmax"} if module.startswith("nn.graphs") else set()
        return {one.name for one in functions if not is_once(one)} - of_each_other

    def is_once(function: ast.ClassDef) -> bool:
        backward = next(one for one in function.body if isinstance(one, ast.FunctionDef) and one.name == "backward")
        return [ast.unparse(one) for one in backward.decorator_list] == ["staticmethod", "once_differentiable"]

    assert offenders(on_floor("nn"), differentiable) == {}


def test_of_data_only_batches_knows_torch() -> None:
    modules = [name for name in on_floor("data") if not name.startswith("data.batches")]
    assert offenders(modules, lambda module: others(module) & {"torch"}) == {}


def test_diagnosis_knows_no_torch() -> None:
    def torches(module: str) -> set[str]:
        return others(module) & {"torch"} | {name for name in ours(module) if name.startswith("data.batches")}

    assert offenders(on_floor("diagnosis"), torches) == {}


def test_nothing_inside_imports_the_public_names() -> None:
    assert offenders(INSIDE, lambda module: imports_of(module) & {"nextitem"}) == {}  # they reach every floor


def test_imports_are_absolute() -> None:
    assert offenders(MODULES, lambda module: {name for name in imports_of(module) if name.startswith(".")}) == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: ours(module) for module in INSIDE}
    assert len(list(TopologicalSorter(graph).static_order())) == len(INSIDE)  # a circle raises CycleError


def room(module: str) -> str:
    """data.sources.formats.tables -> data.sources.formats, data.splits.ratio -> data.splits, data.ids as it is."""
    return module if (PACKAGE / Path(*module.split("."))).is_dir() else module.rpartition(".")[0]


@pytest.mark.parametrize(("name", "ground"), [("data", "data.log"), ("runs", "runs.parts")])
def test_no_rooms_of_a_floor_lead_to_each_other_in_a_circle(name: str, ground: str) -> None:
    """What stands beside the rooms (the data set, ids, sequences) is a room of its own for each file."""
    rooms: dict[str, set[str]] = {}
    for module in (one for one in INSIDE if floor(one) == name and one != name):
        own = module if room(module) == name else room(module)
        found = {one if room(one) == name else room(one) for one in ours(module)}
        rooms.setdefault(own, set()).update(one for one in found if floor(one) == name and one != own)
    TopologicalSorter(rooms).prepare()  # a circle raises CycleError
    assert rooms[ground] == set()


def test_a_file_is_short() -> None:
    lines = {module: path.read_text().count("\n") for module, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > (200 if floor(name) == "models" else 300)} == {}


def test_a_module_opens_by_saying_what_it_is() -> None:
    opened = {module: nodes_of(module)[0] for module in MODULES}
    assert [name for name, tree in opened.items() if isinstance(tree, ast.Module) and not ast.get_docstring(tree)] == []


def test_nothing_is_unpickled_or_evaluated() -> None:
    calls = {"eval", "exec", "torch.load", "torch.save", "__import__"}
    packages = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    assert offenders(MODULES, lambda module: calls_of(module).keys() & calls | others(module) & packages) == {}


def readings(module: str) -> set[str]:
    """The readers of polars that a module calls itself, under which name it has them."""
    of_polars = {call.rpartition(".")[2] for call in calls_of(module) if call.partition(".")[0] in ("pl", "polars")}
    named = {name.removeprefix("polars.") for name in imports_of(module) if name.startswith("polars.")}
    return {name for name in of_polars | named if name.startswith(("read_", "scan_"))}


def test_tables_are_read_by_their_exact_path_through_one_door() -> None:
    doors = {"read_parquet", "scan_parquet", "read_csv", "scan_csv", "scan_pyarrow_dataset"}
    bytes_of_a_child = {"data.log.apart": {"read_ipc_stream"}}  # no path
    assert offenders(MODULES, readings) == {"data.log.exact": doors} | bytes_of_a_child


def test_screens_are_made_at_one_place_and_nothing_is_marked_up() -> None:
    """What escapes besides would show its backslashes; the help of the commands alone is typer's to print."""

    def made(module: str) -> set[str]:
        return {call for call in calls_of(module) if call.split(".")[-1] in ("Console", "TextColumn", "from_markup")}

    assert offenders(MODULES, made).keys() == {"terminal"}
    assert [module for module in MODULES if module != "terminal" and "rich.markup" in imports_of(module)] == [
        "cli.main"
    ]


# The door, and those who write to places that a user names or to the download cache, never into a folder of ours.
WRITERS = {
    "writing", "replacing", "training.share",
    *(f"data.sources.{name}" for name in ("scanning", "formats.output", "formats.clean_copies", "amazon.preparing")),
    *(f"data.sources.public.{name}" for name in ("cache", "download", "finding", "sources", "archives")),
}  # fmt: skip
WRITING = {
    "write_text", "write_bytes", "touch", "mkdir", "makedirs", "unlink", "rmdir", "rmtree",
    "symlink_to", "hardlink_to", "link", "copyfile", "copytree", "move", "mkdtemp", "mkstemp", "TemporaryDirectory",
    "NamedTemporaryFile", "tofile", "savetxt", "save_file",
}  # fmt: skip


def writes(call: ast.Call) -> bool:
    """Whether a call writes by a path of its own: not into the `file` that the door gave, nor into memory."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    modes = [one.value for one in (*call.args, *(one.value for one in call.keywords)) if isinstance(one, ast.Constant)]
    if ast.unparse(call.func) == "archive.open":  # a zip file, which is written into what the door gave
        return False
    if name in ("open", "fdopen"):
        return any(isinstance(mode, str) and set(mode) & set("wax+") and len(mode) < 4 for mode in modes)
    if name in ("write_parquet", "write_csv", "write_ndjson", "savez_compressed", "savefig"):
        return bool(call.args) and ast.unparse(call.args[0]) not in ("file", "packed")
    if name == "rename" and call.args:  # of a path; a table's columns are renamed by a mapping
        return isinstance(call.args[0], ast.Name | ast.BinOp | ast.JoinedStr)
    return name in WRITING or ast.unparse(call.func) in ("os.replace", "os.rename", "os.remove")


@pytest.mark.parametrize(
    ("code", "is_writing"),
    [
        ("archive.open(entry, 'w')", False),
        ("path.open('w')", True), ("open(path, mode='ab')", True), ("path.open(encoding='utf-8')", False),
        ("table.write_parquet(folder / 'a')", True), ("table.write_parquet(file)", False), ("os.replace(a, b)", True),
        ("text.replace(a, b)", False), ("path.unlink()", True),
    ],
)  # fmt: skip
def test_the_check_knows_what_writes(code: str, is_writing: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert writes(call) == is_writing


def test_what_is_written_goes_through_the_one_door() -> None:
    def written(module: str) -> set[str]:
        return {ast.unparse(call) for calls in calls_of(module).values() for call in calls if writes(call)}

    assert offenders([name for name in MODULES if name not in WRITERS], written) == {}


def test_importing_nextitem_is_light() -> None:
    heavy = "{'torch', 'polars', 'pydantic', 'numpy', 'scipy', 'lightning_fabric'}"
    code = f"import sys, nextitem; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
