"""On Record as a retriever of LangChain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, Field, SecretStr

from service.retrievers.client import DEFAULT_ADDRESS, Found, Service, search, search_async

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError("This needs LangChain: pip install 'onrecord[langchain]'") from error


class OnRecordRetriever(BaseRetriever):
    """Passages of a running service as documents: `page_content` word for word, who said it and where in `metadata`.

    `k`: passages to return. `filters`: further parameters of `/v1/search`.

    >>> OnRecordRetriever(k=4, filters={"role": "guest"}).k
    4

    Raises:
        NotAnswered: the service refuses, saying why, or cannot be reached.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = DEFAULT_ADDRESS
    k: int = 4
    filters: dict[str, Any] = Field(default_factory=dict)
    api_key: SecretStr | None = None
    timeout_s: float = 30.0

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  LangChain's signature
    ) -> list[Document]:
        return _documents(search(self._service(), query, self.k))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        return _documents(await search_async(self._service(), query, self.k))

    def _service(self) -> Service:
        key = self.api_key.get_secret_value() if self.api_key else None
        return Service(self.base_url, key, self.filters, self.timeout_s)


def _documents(found: Sequence[Found]) -> list[Document]:
    return [Document(id=passage.id, page_content=passage.text, metadata=passage.metadata) for passage in found]
