"""On Record as a retriever of LlamaIndex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.retrievers.client import DEFAULT_ADDRESS, Found, Service, search, search_async

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode
except ImportError as error:
    raise ImportError("This needs LlamaIndex: pip install 'onrecord[llama-index]'") from error

# What a language model is shown with the words; the rest is for the program.
_SHOWN = ("speaker", "title", "show", "date", "section")


class OnRecordRetriever(BaseRetriever):
    """Passages of a running service as scored nodes: their text word for word, who said it and where in `metadata`.

    >>> OnRecordRetriever(k=4, filters={"role": "guest"}).k
    4
    """

    def __init__(
        self,
        base_url: str = DEFAULT_ADDRESS,
        *,
        k: int = 4,
        filters: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        """Asks nobody yet.

        Args:
            k: passages to return.
            filters: further parameters of `/v1/search`.
        """
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self.k = k
        self._service = Service(base_url, api_key, dict(filters or {}), timeout_s)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Raises: NotAnswered: the service refuses, saying why, or cannot be reached."""
        return _nodes(search(self._service, query_bundle.query_str, self.k))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await search_async(self._service, query_bundle.query_str, self.k))


def _nodes(found: Sequence[Found]) -> list[NodeWithScore]:
    return [NodeWithScore(node=_node(passage), score=passage.score) for passage in found]


def _node(passage: Found) -> TextNode:
    hidden = [name for name, value in passage.metadata.items() if name not in _SHOWN or value is None]
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata=passage.metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
        start_char_idx=passage.metadata["char_start"],
        end_char_idx=passage.metadata["char_end"],
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.metadata["episode"])},
    )
