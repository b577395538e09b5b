"""The service behind nginx, with the file that docs/deploy holds; where nginx is not installed, this is left out."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.conftest import ROOT, serving
from tests.service.language_model_server import Script, language_model_server
from tests.service.test_processes import wait_until

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
OPENSSL = shutil.which("openssl")
NAME = "interviews.example.org"

pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")


class Proxied(NamedTuple):
    """The service as others reach it. `may_answer`: the language model waits for it after its first words."""

    client: httpx2.Client
    may_answer: threading.Event
    log: Path
    own_log: Path


@pytest.fixture(scope="module")
def proxied(
    seeds_index: Path, offline: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxy")
    may_answer = threading.Event()

    def answer(_: object) -> str:
        assert may_answer.wait(timeout=120)
        return "Nobody pays."

    environment = {
        **os.environ,
        "ONRECORD_CACHE": offline["ONRECORD_CACHE"],
        "ONRECORD_PUBLIC_URL": f"https://{NAME}",
        "ONRECORD_LLM_MODEL": "parrot",
    }
    with (
        language_model_server(Script(answer)) as model,
        serving(seeds_index, {**environment, "ONRECORD_LLM_URL": model}, folder / "own.txt", workers=1) as (address, _),
        _nginx(folder, address) as port,
        httpx2.Client(
            base_url=f"https://127.0.0.1:{port}", headers={"host": NAME}, verify=_any(), trust_env=False, timeout=60
        ) as client,
    ):
        yield Proxied(client, may_answer, folder / "log.txt", folder / "own.txt")
        may_answer.set()


def test_a_search_goes_through_under_the_name_and_has_one_id_in_both_logs(proxied: Proxied) -> None:
    answer = proxied.client.get("/v1/search", params={"query": "xylophonic"}, headers={"x-request-id": "theirs"})
    assert answer.status_code == 200
    named = answer.headers["x-request-id"]
    assert len(named) == 32
    assert answer.headers["strict-transport-security"]
    wait_until(lambda: named in proxied.own_log.read_text(encoding="utf-8"))
    wait_until(lambda: named in proxied.log.read_text(encoding="utf-8"))
    assert "xylophonic" not in proxied.log.read_text(encoding="utf-8")


def test_an_answer_comes_while_it_is_written(proxied: Proxied) -> None:
    with proxied.client.stream("POST", "/v1/ask", json={"query": "who pays?"}) as answer:
        pieces = answer.iter_text()
        received = next(pieces)
        while "event: sources" not in received or not received.endswith("\n\n"):
            received += next(pieces)
        assert not proxied.may_answer.is_set()
        proxied.may_answer.set()
        received += "".join(pieces)
    assert "event: answer" in received


def test_a_form_of_our_pages_is_taken_and_a_large_draft_too(proxied: Proxied) -> None:
    page = proxied.client.post("/v1/verify", json={"text": "x"}, headers={"origin": f"https://{NAME}"})
    assert page.status_code == 200
    draft = b"<p>" + b"Nobody quotes anybody. " * 200_000
    large = proxied.client.post("/v1/verify", content=draft, headers={"content-type": "text/html"})
    assert large.status_code != 413, large.text
    over = proxied.client.post("/v1/verify", content=b"x" * 17_000_000, headers={"content-type": "text/html"})
    assert over.status_code == 413


def test_metrics_stay_inside(proxied: Proxied) -> None:
    assert proxied.client.get("/metrics").status_code == 404


def _any() -> ssl.SSLContext:
    """Trusts the certificate that this test made."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _nginx_configuration(folder: Path, address: str, port: int) -> str:
    """The file as it is, with this test's places in it."""
    text = (ROOT / "docs/deploy/nginx.conf").read_text(encoding="utf-8")
    for written, here in {
        "server 127.0.0.1:8000;": f"server {address.removeprefix('http://')};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": f"{folder}/cert.pem",
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": f"{folder}/key.pem",
        "/var/log/nginx/onrecord.log": f"{folder}/log.txt",
    }.items():
        assert text.count(written) == 1
        text = text.replace(written, here)
    paths = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/errors.txt;\n"
        f"events {{}}\nhttp {{\n{paths}\n{text}\n}}\n"
    )


class _nginx:  # noqa: N801  used as a function
    """Runs nginx until the end of the block; gives its port."""

    def __init__(self, folder: Path, address: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self._folder = folder
        (folder / "nginx.conf").write_text(_nginx_configuration(folder, address, self._port), encoding="utf-8")

    def __enter__(self) -> int:
        assert NGINX
        assert OPENSSL
        made = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        subprocess.run(
            [*made, "-subj", f"/CN={NAME}", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=self._folder,
            check=True,
            capture_output=True,
        )
        self._process = subprocess.Popen(
            [NGINX, "-p", self._folder, "-c", self._folder / "nginx.conf", "-e", self._folder / "errors.txt"]
        )
        wait_until(self._listens)
        return self._port

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self._folder / "errors.txt").read_text(encoding="utf-8")
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=10).close()
        except ConnectionError:
            return False
        return True
