"""A language model behind any server that speaks OpenAI's chat completions: the home of openai.

Nothing is sent anywhere unless the user names a server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from indexer.errors import LanguageModelError

_TIMEOUT_S = 120.0
# Servers on one's own machine often want none, and the client does not go without.
_NO_KEY = "none"


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a model is told it is for, and what it is asked."""

    instructions: str
    asked: str


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """One model of one server. `url`: of the API, such as `http://127.0.0.1:11434/v1`; `name`: the model's there."""

    url: str
    name: str
    key: str | None = field(default=None, repr=False)

    async def stream(self, conversation: Conversation) -> AsyncGenerator[str, None]:
        """The answer, piece by piece.

        Raises:
            LanguageModelError: the server cannot be reached, refuses, or breaks off.
        """
        from openai import AsyncOpenAI  # noqa: PLC0415  half a second, and few ask a model

        finished = False
        with self._errors():
            client = AsyncOpenAI(base_url=self.url, api_key=self.key or _NO_KEY, timeout=_TIMEOUT_S, max_retries=1)
            async with client:
                answer = await client.chat.completions.create(
                    model=self.name,
                    messages=[
                        {"role": "system", "content": conversation.instructions},
                        {"role": "user", "content": conversation.asked},
                    ],
                    stream=True,
                    temperature=0,
                )
                async for chunk in answer:
                    for choice in chunk.choices[:1]:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            yield choice.delta.content
        if not finished:
            raise LanguageModelError(f"{self.url}: the answer of {self.name} broke off. Ask again.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx2  # noqa: PLC0415  as openai
        import openai  # noqa: PLC0415

        try:
            yield
        except openai.APIStatusError as error:
            raise LanguageModelError(
                f"{self.url}: {self.name} was refused with status {error.status_code} ({error.message}). Check "
                "ONRECORD_LLM_URL, ONRECORD_LLM_MODEL and ONRECORD_LLM_KEY."
            ) from error
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise LanguageModelError(
                f"{self.url}: no whole answer of {self.name} ({error}). Check ONRECORD_LLM_URL, and whether it runs."
            ) from error
