"""Stands before a Milvus: lets in who has the token, as Milvus does, and keeps others and itself waiting on demand.

Milvus Lite lets everybody in. What is let through goes to the real one and back, byte for byte.
"""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from indexer.milvus import StoreAddress

# Milvus's own words: https://github.com/milvus-io/milvus, internal/proxy/authentication_interceptor.go
REFUSED = "auth check failure, please check username and password are correct"


class Identity(NamedTuple):
    """A certificate of localhost that vouches for itself, and its key, both as PEM."""

    certificate: bytes
    key: bytes


def localhost() -> Identity:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(certificate.public_bytes(Encoding.PEM), private)


class Doorkeeper(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A context manager; `address` is where it stands."""

    def __init__(self, port: int, token: str, identity: Identity | None = None) -> None:
        """
        Args:
            port: of the Milvus behind it.
            identity: speaks TLS, as this one.
        """
        self._expected = base64.b64encode(token.encode()).decode()
        self._behind = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._open = threading.Event()
        self._open.set()
        self._server = grpc.server(ThreadPoolExecutor(16), handlers=[self])
        self._encrypted = identity is not None
        if identity:
            credentials = grpc.ssl_server_credentials([(identity.key, identity.certificate)])
            self._port = self._server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self._port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> Doorkeeper:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._server.stop(0).wait()
        self._behind.close()

    def address(self, name: str) -> StoreAddress:
        return StoreAddress("localhost" if self._encrypted else "127.0.0.1", self._port, name, self._encrypted)

    def hold(self) -> None:
        """Answers nobody from now on."""
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        ask = self._behind.unary_unary(handler_call_details.method)

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = dict(context.invocation_metadata())
            if metadata.get("authorization") != self._expected:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, REFUSED)
            self._open.wait()
            passed = [(key, value) for key, value in metadata.items() if key != "user-agent"]
            try:
                answered: bytes = ask(request, metadata=passed, timeout=60)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            return answered

        return grpc.unary_unary_rpc_method_handler(answer)
