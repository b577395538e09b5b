"""The command, as processes: what it answers on which stream, with which exit code, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest
import typer
from typer.core import TyperGroup

from embeddings.fake import FakeEmbedder
from indexer.generations import writing
from service.cli import app
from tests.conftest import ROOT, SEEDS, Onrecord
from tests.service.synthetic import episodes, passages_of, write

COMMANDS = cast(TyperGroup, typer.main.get_command(app)).commands
HEAVY = ("torch", "transformers", "sentence_transformers", "openvino", "faiss", "fastapi", "tantivy", "numpy")
ASKED = "who pays when the machine is wrong?"
TALK = """---
title: Ropes
duration: "41:30"
link_template: https://ropes.example.org/1?t={s}
speakers: [{name: Ines Falk, role: host}, {name: Bram Oduya, role: guest}]
---
**Ines Falk:** What does a rope tell you when you hold it in your hands for the first time?

**Bram Oduya:** It tells you who laid it, and how tired they were on that afternoon in the ropewalk.
"""


@pytest.fixture
def index(seeds_index: Path, tmp_path: Path) -> Path:
    """A copy of the index of the sample interviews, to be spoiled."""
    return shutil.copytree(seeds_index, tmp_path / "index")


def _generation(index: Path) -> Path:
    return index / "generations" / (index / "CURRENT").read_text(encoding="utf-8").strip()


def _edit_manifest(index: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = _generation(index) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_every_help_page_names_what_there_is_and_imports_no_heavy_library(onrecord: Onrecord) -> None:
    program = f"""import sys
from service.cli import app
for arguments in ([], *([name] for name in {list(COMMANDS)!r})):
    try:
        app([*arguments, "--help"], prog_name="onrecord")
    except SystemExit as done:
        assert done.code == 0
print("imported:", sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "imported: []\n"
    first, *pages = done.stdout.split("Usage: onrecord ")[1:]
    for (name, command), page in zip(COMMANDS.items(), pages, strict=True):
        assert re.search(rf"^\W*{name}\b", first, re.MULTILINE)
        assert page.startswith(name)
        for option in (option for parameter in command.params for option in parameter.opts if "--" in option):
            assert option in page
    assert onrecord("--help").stdout.split() == f"Usage: onrecord {first}".split()


def test_a_search_answers_on_standard_output_alone(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("search", ASKED, "--limit", "2", ONRECORD_INDEX=str(seeds_index))
    assert (done.returncode, done.stderr) == (0, "")
    assert " 1 " in done.stdout
    assert "2 of " in done.stdout


def test_a_search_as_json_is_what_http_answers(onrecord: Onrecord, seeds_index: Path, client: httpx2.Client) -> None:
    options = {"limit": "3", "offset": "1", "role": "guest", "show": "Second Opinion", "date_from": "2024-01-01"}
    options |= {"mode": "dense", "per_episode": "4", "context": "1", "min_score": "0.05", "language": "en"}
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    done = onrecord("search", ASKED, "--index", seeds_index, "--json", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    served = client.get("/v1/search", params={"query": ASKED, **options}).json()
    assert len(answer["results"]) == 3
    for hit, other in zip(answer["results"], served["results"], strict=True):
        assert hit == {**other, "score": pytest.approx(other["score"], abs=2e-3), "signals": hit["signals"]}


def test_indexing_again_changes_nothing_and_says_so(onrecord: Onrecord, index: Path) -> None:
    done = onrecord("index", SEEDS, "--out", index)
    assert done.returncode == 0
    assert re.fullmatch(rf"{index}: nothing changed, generation \S+ stays\.\n", done.stdout)
    assert "0 failed" in done.stderr
    done = onrecord("index", SEEDS, "--out", index, "--json")
    answer = json.loads(done.stdout)
    assert (done.stderr, answer["changed"]) == ("", False)
    assert answer["generation"] == _generation(index).name
    assert answer["report"]["truncated_tokens"] == 0


def test_info_shows_what_is_in_force_a_flag_before_the_environment_before_the_default(
    onrecord: Onrecord, seeds_index: Path
) -> None:
    def settings(*arguments: str, **environment: str) -> dict[str, Any]:
        done = onrecord("info", "--json", *arguments, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        return cast(dict[str, Any], json.loads(done.stdout)["settings"])

    index = str(seeds_index)
    default = settings("--index", index)
    assert (default["index"], default["port"], default["host"]) == (index, 8000, "127.0.0.1")
    assert (default["model"], default["runtime"]) == ("all-MiniLM-L6-v2-interviews", "auto")
    from_environment = settings(ONRECORD_INDEX=index, ONRECORD_PORT="9000", ONRECORD_HOST="::1")
    assert (from_environment["port"], from_environment["host"]) == (9000, "::1")
    assert settings("--port", "9001", ONRECORD_INDEX=index, ONRECORD_PORT="9000")["port"] == 9001


def test_info_tells_people_what_the_index_holds(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("info", "--index", seeds_index)
    assert (done.returncode, done.stderr) == (0, "")
    assert _generation(seeds_index).name in done.stdout
    assert "0 truncated" in done.stdout


def test_parse_shows_an_episode_and_writes_nothing(onrecord: Onrecord, tmp_path: Path) -> None:
    talk = tmp_path / "talk.md"
    talk.write_text(TALK, encoding="utf-8")
    done = onrecord("parse", talk, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    episode = json.loads(done.stdout)
    assert {"title", "show", "date", "url", "language", "format", "speakers", "turns", "report"} <= episode.keys()
    assert (episode["title"], episode["duration_s"]) == ("Ropes", 2490.0)
    assert episode["link_template"] == "https://ropes.example.org/1?t={s}"
    assert [turn["speaker"] for turn in episode["turns"]] == ["Ines Falk", "Bram Oduya"]
    shown = onrecord("parse", talk)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "It tells you who laid it" in shown.stdout
    assert "41:30 · https://ropes.example.org/1?t={s} · markdown" in shown.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["talk.md"]


def test_eval_finds_most_answers_of_the_sample_questions(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("eval", SEEDS / "questions.jsonl", "--index", seeds_index, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    metrics = json.loads(done.stdout)
    assert set(metrics) == {"F", "O", "P", "Q", "all"}
    assert metrics["all"]["questions"] == sum(m["questions"] for kind, m in metrics.items() if kind != "all") >= 50
    assert metrics["all"]["recall_at_10"] > 0.5
    for table in metrics.values():
        assert 0 <= table["recall_at_1"] <= table["recall_at_5"] <= table["recall_at_10"] <= 1
        assert table["recall_at_1"] <= table["mrr_at_10"] <= table["recall_at_10"]


def test_indexing_and_searching_call_nobody_and_leave_nothing_in_the_home_folder(
    seeds_index: Path, offline: dict[str, str]
) -> None:
    """Every process of these tests ends when it opens a connection; here is what they were guarded by."""
    program = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", program], env=offline, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[:23]) == (97, "a connection was opened")
    assert list(Path(offline["HOME"]).iterdir()) == []
    assert list(Path(offline["ONRECORD_CACHE"]).iterdir()) != []


def test_a_bad_file_is_reported_and_the_good_ones_are_indexed_unless_strict(onrecord: Onrecord, tmp_path: Path) -> None:
    talks, index = tmp_path / "talks", tmp_path / "index"
    talks.mkdir()
    (talks / "good.md").write_text(TALK, encoding="utf-8")
    (talks / "broken.vtt").write_bytes(b"WEBVTT\n\nwords \xff\n")
    refused = onrecord("index", talks, "--out", index, "--strict")
    assert refused.returncode == 1
    assert refused.stdout == f"{index}: left as it was, because a file failed and --strict was given.\n"
    assert not (index / "CURRENT").exists()
    done = onrecord("index", talks, "--out", index)
    assert done.returncode == 1
    assert re.fullmatch(rf"{index}: generation \S+ is live\.\n", done.stdout)
    assert "broken.vtt, line 3: byte 0xff is not valid UTF-8. Save the file as UTF-8." in done.stderr
    assert json.loads(onrecord("info", "--index", index, "--json").stdout)["generation"]["counts"]["episodes"] == 1


def _refused(done: subprocess.CompletedProcess[str], code: int, *mentions: str | Path) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    flat = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())
    for mention in mentions:
        assert str(mention) in flat


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("search", "x"), "nowhere"),
        (("serve", "--port", "0"), "nowhere"),
        (("eval", "seeds/questions.jsonl"), "nowhere"),
        (("info",), "README.md"),
    ],
)
def test_without_an_index_every_command_says_how_to_make_one(
    arguments: tuple[str, ...], where: str, onrecord: Onrecord
) -> None:
    done = onrecord(*arguments, "--index", where)
    _refused(done, 1)
    assert done.stderr == f"error: {where}: no index there. Make one with `onrecord index TRANSCRIPTS --out {where}`.\n"


def test_an_index_of_another_model_is_refused_naming_both(onrecord: Onrecord, tmp_path: Path) -> None:
    index, other = tmp_path / "index", FakeEmbedder(name="ours/rope-model")
    write(index, [(episode, tuple(passages_of(episode))) for episode in episodes()[:1]], other)
    done = onrecord("search", "x", "--index", index, "--model", "all-MiniLM-L6-v2")
    _refused(
        done,
        1,
        f"{_generation(index)}: its vectors were made by ours/rope-model (weights {other.fingerprint.weights[:12]})",
        "the model at hand is all-MiniLM-L6-v2 (weights ",
        "Give --model ours/rope-model, or run `onrecord index … --model all-MiniLM-L6-v2`",
    )


def test_an_index_of_another_format_version_is_refused_naming_both(onrecord: Onrecord, index: Path) -> None:
    versions: list[int] = []

    def next_version(manifest: dict[str, Any]) -> None:
        versions.append(manifest["format_version"])
        manifest["format_version"] += 1

    _edit_manifest(index, next_version)
    stated, found = f"index format {versions[0] + 1}", f"this program reads format {versions[0]}"
    for verb in (("search", "x"), ("info",)):
        _refused(onrecord(*verb, "--index", index), 1, _generation(index), stated, found, "Run `onrecord index` again")


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("passages.faiss", _truncate, "bytes, not the"),
        ("catalog.sqlite", _flip, "its content was altered after it was written"),
        ("sentences.npy", Path.unlink, "missing"),
    ],
)
def test_a_damaged_file_of_the_index_is_named_with_the_remedy(
    name: str, damage: Callable[[Path], None], reason: str, onrecord: Onrecord, index: Path
) -> None:
    path = _generation(index) / name
    damage(path)
    _refused(onrecord("search", "x", "--index", index), 1, path, reason, "Run `onrecord index` again.")


def test_an_index_whose_live_generation_is_gone_is_broken(onrecord: Onrecord, index: Path) -> None:
    (index / "CURRENT").write_text("gone\n", encoding="utf-8")
    _refused(onrecord("info", "--index", index), 1, "gone/manifest.json: missing. Run `onrecord index` again.")


def test_nothing_to_index_is_said_with_the_place(onrecord: Onrecord, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    _refused(onrecord("index", empty, "--out", tmp_path / "index"), 1, f"{empty}: no files to index.")
    missing = tmp_path / "missing"
    _refused(onrecord("index", missing, "--out", tmp_path / "index"), 1, f"{missing}: no such file or folder.")
    assert not (tmp_path / "index" / "CURRENT").exists()


def test_a_folder_that_is_no_index_is_never_written_into(onrecord: Onrecord, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("private", encoding="utf-8")
    _refused(onrecord("index", SEEDS, "--out", tmp_path), 1, f"{tmp_path}: holds files that are no index.")
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_two_indexers_do_not_write_to_one_place(onrecord: Onrecord, index: Path) -> None:
    with writing(index):
        _refused(onrecord("index", SEEDS, "--out", index), 1, index, f"(process {os.getpid()}, since 2", "Wait for it.")


def test_a_file_that_is_no_transcript_is_refused_by_parse(onrecord: Onrecord, tmp_path: Path) -> None:
    _refused(onrecord("parse", tmp_path / "missing.md"), 1, f"{tmp_path}/missing.md: no such file.")
    (tmp_path / "empty.md").write_text(" \n", encoding="utf-8")
    _refused(onrecord("parse", tmp_path / "empty.md"), 1, f"{tmp_path}/empty.md: the file is empty. Export")


def test_a_model_that_is_not_to_be_had_is_named(onrecord: Onrecord, tmp_path: Path) -> None:
    arguments = ("index", SEEDS, "--out", tmp_path / "index", "--model")
    _refused(onrecord(*arguments, tmp_path / "no-model"), 1, f"{tmp_path}/no-model: no such folder.")
    done = onrecord(*arguments, "nobody/nothing", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "hub"))
    _refused(done, 1, "nobody/nothing: not on this machine", "Check the name and the network, or give a folder.")


def test_a_taken_port_is_said_to_be_taken(onrecord: Onrecord, seeds_index: Path, server: str) -> None:
    port = str(urlsplit(server).port)
    done = onrecord("serve", "--index", seeds_index, "--port", port)
    _refused(done, 1, f"127.0.0.1:{port}: cannot be listened on (Address already in use). Choose another")


def test_a_bad_question_file_is_named_with_its_line(onrecord: Onrecord, seeds_index: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"query": "x"}\n', encoding="utf-8")
    _refused(onrecord("eval", questions, "--index", seeds_index), 1, f"{questions}, line 1: expected")


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (("search",), "Missing argument 'query'"),
        (("search", ""), "query: String should have at least 1 character"),
        (("search", "\udcff"), "query: Input should be a valid string"),
        (("search", "x", "--limit", "0"), "limit: Input should be greater than or equal to 1"),
        (("search", "x", "--limit", "ten"), "'--limit': Input should be a valid integer"),
        (("search", "x", "--mode", "magic"), "'magic' is not one of"),
        (("search", "x", "--date-from", "2024-02-30"), "'2024-02-30' does not match"),
        (("search", "x", "--min-score", "2"), "min_score: Input should be less than or equal to 1"),
        (("search", "x", "--frobnicate"), "No such option: --frobnicate"),
        (
            ("serve", "--port", "99999"),
            "'--port' (env var: 'ONRECORD_PORT'): Input should be less than or equal to 65535",
        ),
        (("index",), "Missing argument 'paths'"),
        (
            ("index", "seeds", "--max-tokens", "3"),
            "'--max-tokens' (env var: 'ONRECORD_MAX_TOKENS'): Input should be greater than or equal to 16",
        ),
        (("frobnicate",), "No such command 'frobnicate'"),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode() if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_2_and_names_what_is_wrong(
    arguments: tuple[str, ...], mention: str, onrecord: Onrecord
) -> None:
    _refused(onrecord(*arguments), 2, mention)


def test_a_setting_that_makes_no_sense_is_named_with_its_variable(onrecord: Onrecord) -> None:
    for verb in ("serve", "info"):
        _refused(onrecord(verb, ONRECORD_PORT="many"), 2, "ONRECORD_PORT")


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_command(name: str, readme: str) -> None:
    assert re.search(rf"\bonrecord {name}\b", readme)


def _options() -> Iterator[str]:
    for command in COMMANDS.values():
        yield from (option for parameter in command.params for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize("option", sorted(set(_options()) - {"--help"}))
def test_the_readme_names_every_option(option: str, readme: str) -> None:
    name = option.removeprefix("--")
    assert re.search(rf"{option}\b", readme) or f"`{name.replace('-', '_')}`" in readme


def test_the_readme_names_every_environment_variable(readme: str) -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for package in ("embeddings", "indexer", "service")
        for path in (ROOT / package).rglob("*.py")
    )
    variables = set(re.findall(r"\bONRECORD_[A-Z_]+\b", code))
    assert {"ONRECORD_INDEX", "ONRECORD_MODEL"} <= variables
    assert variables <= set(re.findall(r"\bONRECORD_[A-Z_]+\b", readme))


def test_the_readme_names_every_target_of_the_makefile(readme: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"install", "serve", "test"} <= set(targets)
    for target in set(targets) - {"help"}:
        assert re.search(rf"\bmake {target}\b", readme), target
    assert set(re.findall(r"\bmake ([a-z-]+)", " ".join(re.findall(r"`[^`\n]+`", readme)))) <= set(targets)
