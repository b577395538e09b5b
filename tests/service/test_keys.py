"""`onrecord key`, and the file that it writes: it holds no key, and is never half written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer.errors import KeyFileError
from service.keys import LOOK_EVERY_S, Keyring, Scope, add_key, read_keys, remove_key
from service.rates import Rates, at_once
from tests.conftest import Onrecord


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_printed_once_and_the_file_holds_only_what_tells_it_again(onrecord: Onrecord, file: Path) -> None:
    done = onrecord("key", "add", "dify", "--keys", file, "--per-minute", "60")
    assert done.returncode == 0
    assert re.fullmatch(r"onrecord_[A-Za-z0-9_-]{43}\n", done.stdout)
    secret = done.stdout.strip()
    content = file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in content
    assert secret.removeprefix("onrecord_") not in content + done.stderr
    assert hashlib.sha256(secret.encode()).hexdigest() in content
    shown = onrecord("key", "list", ONRECORD_API_KEYS=str(file))
    assert re.fullmatch(r"dify  read        60 a minute  made \S+Z\n", shown.stdout)
    listed = json.loads(onrecord("key", "list", "--keys", file, "--json").stdout)
    assert [entry.keys() for entry in listed] == [{"name", "scope", "per_minute", "created"}]
    assert onrecord("key", "remove", "dify", "--keys", file).returncode == 0
    assert read_keys(file) == ()


def test_wrong_use_is_told_with_the_remedy(onrecord: Onrecord, file: Path) -> None:
    missing = onrecord("key", "list", "--keys", file)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith(
        f"error: {file}: cannot be read (No such file or directory). Make it with `onrecord"
    )
    unset = onrecord("key", "add", "dify")
    assert (unset.returncode, "ONRECORD_API_KEYS" in unset.stderr) == (2, True)


def test_names_that_are_there_and_names_that_are_none_are_refused(file: Path) -> None:
    add_key(file, "dify", Scope.READ, 60)
    before = file.read_bytes()
    with pytest.raises(KeyFileError, match="there is a key called 'dify'"):
        add_key(file, "dify", Scope.ADMIN, 60)
    for name in ("", "two words", "line\nbreak", "-x", "x" * 65):
        with pytest.raises(KeyFileError, match="no name of a key"):
            add_key(file, name, Scope.READ, 60)
    with pytest.raises(KeyFileError, match="there is no key called 'nobody'"):
        remove_key(file, "nobody")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file: Invalid JSON"),
        ('{"keys": [{"name": "x"}]}', "keys.0.scope: Field required"),
        ('{"keys": [], "more": 1}', "more: Extra inputs are not permitted"),
        ("[" * 100_000, "the file: Invalid JSON"),
    ],
    ids=["empty", "incomplete", "unknown", "deep"],
)
def test_a_malformed_file_is_named_with_the_place(content: str, reason: str, file: Path) -> None:
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match=f"^{re.escape(str(file))}: {re.escape(reason)}"):
        read_keys(file)


def test_a_file_that_others_may_write_to_is_refused(file: Path) -> None:
    add_key(file, "dify", Scope.READ, 60)
    file.chmod(0o620)
    with pytest.raises(KeyFileError, match=rf"others may write to it.* Run: chmod 600 {file}"):
        read_keys(file)


def test_keys_that_are_added_at_once_are_all_kept(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda number: add_key(file, f"k{number}", Scope.READ, 60), range(16)))
    keyring = Keyring(file)
    assert {key.name for secret in secrets if (key := keyring.find(secret))} == {f"k{number}" for number in range(16)}
    assert len({key.place for key in read_keys(file)}) == 16


def test_a_link_to_the_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    add_key(file, "first", Scope.READ, 60)
    link = tmp_path / "link.json"
    link.symlink_to(file)
    add_key(link, "second", Scope.READ, 60)
    assert link.is_symlink()
    assert [key.name for key in read_keys(file)] == ["first", "second"]


def test_a_key_where_the_file_is_expected_is_not_repeated(onrecord: Onrecord) -> None:
    done = onrecord("serve", "--port", "0", ONRECORD_API_KEYS="onrecord_secretsecretsecret")
    assert done.returncode == 1
    assert "secret" not in done.stderr
    assert "a key, where the name of a file is expected" in done.stderr


def test_a_service_without_any_key_in_its_file_does_not_start(file: Path) -> None:
    add_key(file, "dify", Scope.READ, 60)
    remove_key(file, "dify")
    with pytest.raises(KeyFileError, match="it holds no key"):
        Keyring(file)


def test_a_changed_file_is_followed_and_a_broken_one_is_not(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = add_key(file, "first", Scope.READ, 60)
    keyring = Keyring(file)

    def known(secret: str) -> bool:
        time.sleep(LOOK_EVERY_S)
        return keyring.find(secret) is not None

    second = add_key(file, "second", Scope.READ, 60)
    assert known(second)
    remove_key(file, "first")
    assert not known(first)
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert known(second)
    assert known(second)
    file.unlink()
    assert known(second)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "The keys stay as they were" in caplog.text
    file.write_bytes(whole)
    remove_key(file, "second")
    assert not known(second)


def test_processes_count_together() -> None:
    """Each of four asks as fast as it can; a limit of each its own, or an update lost, would let more through."""
    rates, per_minute, started = Rates(), 120, time.monotonic()
    children = []
    read, write = os.pipe()
    for _ in range(4):
        child = os.fork()
        if not child:
            passed = sum(rates.wait_s(7, per_minute) == 0 for _ in range(3000))
            os.write(write, bytes([passed]))
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    allowed = at_once(per_minute) + (time.monotonic() - started) * per_minute / 60
    assert at_once(per_minute) <= sum(os.read(read, 4)) <= allowed
    assert 0 < rates.wait_s(7, per_minute) <= 60 / per_minute
    assert rates.wait_s(8, per_minute) == 0
    os.close(read)
    os.close(write)


def test_after_a_wait_one_more_request_is_within_the_limit() -> None:
    rates = Rates()
    assert [rates.wait_s(0, 600) for _ in range(at_once(600))] == [0] * at_once(600)
    time.sleep(rates.wait_s(0, 600) + 0.001)
    assert rates.wait_s(0, 600) == 0
