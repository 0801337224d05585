"""Packages: the versions that are installed beside those that nextitem asks for, and the extras that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from nextitem.installation.fact import Fact

NAME = "nextitem"
COMPROMISED = {"lightning-fabric": ("2.6.2", "2.6.3")}  # releases that carried foreign code
OURS = ("test",)  # an extra for who works on nextitem itself


def package_facts(asked: Iterable[str] | None = None) -> list[Fact]:
    """Core packages first, then a line an extra. `asked`: requirements, as metadata has them; those of nextitem."""
    wanted = [Requirement(line) for line in (requires(NAME) or [] if asked is None else asked)]
    core = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    extras: dict[str, list[Requirement]] = {}
    for one in wanted:
        if one not in core:
            for extra in _extras_of(one):
                extras.setdefault(extra, []).append(one)
    return [*map(_core, core), *(_extra(name, needed) for name, needed in sorted(extras.items()))]


def _extras_of(one: Requirement) -> Iterator[str]:
    """The names in `extra == "ann"`, where that extra is for this system."""
    text = str(one.marker)
    for part in text.split("extra ==")[1:]:
        name = part.split('"')[1]
        if name not in OURS and one.marker is not None and one.marker.evaluate({"extra": name}):
            yield name


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _core(one: Requirement) -> Fact:
    found = installed(one.name)
    if found is None:
        return Fact(
            "packages", one.name, f"missing, {one.specifier} is needed", "broken", f'pip install "{_spelt(one)}"'
        )
    if found in COMPROMISED.get(one.name, ()):
        way = f'remove it, look at what ran with it, then pip install "{_spelt(one)}"'
        return Fact("packages", one.name, f"{found}, a compromised release", "broken", way)
    if not one.specifier.contains(found, prereleases=True):
        return Fact(
            "packages", one.name, f"{found}, {one.specifier} is needed", "broken", f'pip install "{_spelt(one)}"'
        )
    return Fact("packages", one.name, found)


def _extra(name: str, needed: list[Requirement]) -> Fact:
    found = {one.name: installed(one.name) for one in needed}
    wrong = [
        f"{one.name} {found[one.name] or 'is not there'}"
        for one in needed
        if found[one.name] is None or not one.specifier.contains(found[one.name] or "", prereleases=True)
    ]
    if wrong:
        return Fact("extras", name, ", ".join(wrong), "missing", f'pip install "{NAME}[{name}]"')
    return Fact("extras", name, ", ".join(f"{one} {number}" for one, number in found.items()))


def _spelt(one: Requirement) -> str:
    return f"{one.name}{one.specifier}"
