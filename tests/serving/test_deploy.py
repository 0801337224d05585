"""deploy/: the container runs a command that there is, as a user without rights, and says how it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from typer.main import get_command

from nextitem.cli.main import app
from nextitem.serving.server import GRACE

ROOT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n", " ", (ROOT / "deploy" / "Dockerfile").read_text()).splitlines()
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["nextitem"]


def of(instruction: str) -> list[str]:
    """What stands behind an instruction, in order."""
    return [line.removeprefix(instruction).strip() for line in LINES if line.startswith(f"{instruction} ")]


def test_every_line_is_an_instruction_or_a_comment() -> None:
    known = {"FROM", "ARG", "RUN", "COPY", "USER", "WORKDIR", "ENV", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}
    assert {line.split()[0] for line in LINES if line and not line.startswith("#")} == known
    assert LINES.index("USER nextitem") < next(n for n, line in enumerate(LINES) if line.startswith("ENTRYPOINT"))


def test_what_it_runs_is_a_command_with_its_options() -> None:
    program, command, folder, *options = json.loads(of("ENTRYPOINT")[0])
    serve = get_command(app).commands[command]  # type: ignore[attr-defined]
    known = {name for one in serve.params for name in one.opts}
    assert program == "nextitem"
    assert {one for one in options if one.startswith("--")} <= known
    assert any(volume.endswith(f":{folder}:ro") for volume in COMPOSE["volumes"])
    assert options[options.index("--port") + 1] == of("EXPOSE")[0] == COMPOSE["ports"][0].rpartition(":")[2]


def test_what_it_copies_is_there_and_not_ignored() -> None:
    copied = [source for line in of("COPY") for source in line.split()[:-1]]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)
    assert set(copied) == allowed


def test_what_may_be_given_to_the_build_is_given() -> None:
    assert set(of("ARG")) == set(COMPOSE["build"]["args"])


def test_it_has_no_rights_that_it_does_not_need() -> None:
    assert of("USER") == ["nextitem"]
    assert (COMPOSE["read_only"], COMPOSE["cap_drop"]) == (True, ["ALL"])
    assert COMPOSE["ports"][0].startswith("127.0.0.1:")
    assert ":?" in COMPOSE["environment"]["NEXTITEM_TOKEN"]  # without a token it does not start


def test_it_says_how_it_is_and_has_time_to_end() -> None:
    assert "/readyz" in of("HEALTHCHECK")[0]
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) > GRACE
    assert (ROOT / "deploy" / COMPOSE["build"]["context"] / COMPOSE["build"]["dockerfile"]).is_file()
