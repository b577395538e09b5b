"""Stands before a Milvus: lets in who has the token, as Milvus does, and keeps others and itself waiting on demand.

Milvus Lite lets everybody in. What is let through goes to the real one and back, byte for byte.
"""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from indexer.milvus import StoreAddress

# Milvus's own words: https://github.com/milvus-io/milvus, internal/proxy/authentication_interceptor.go
REFUSED = "auth check failure, please check username and password are correct"


class Doorkeeper(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A context manager; `address` is where it stands."""

    def __init__(self, port: int, token: str) -> None:
        """
        Args:
            port: of the Milvus behind it.
        """
        self._expected = base64.b64encode(token.encode()).decode()
        self._behind = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._open = threading.Event()
        self._open.set()
        self._server = grpc.server(ThreadPoolExecutor(16), handlers=[self])
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> Doorkeeper:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._server.stop(0).wait()
        self._behind.close()

    def address(self, name: str) -> StoreAddress:
        return StoreAddress("127.0.0.1", self._port, name)

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
