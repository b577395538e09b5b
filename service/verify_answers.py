"""What was found of a draft, in the words of the contract: its quotations, and the passages that it cites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from indexer.drafts import Draft, DraftFormat, draft_of, read_draft
from indexer.errors import DraftError
from service import schemas
from service.answers import passage, reading_of, verified
from service.archive import Archive
from service.passage_citations import Citation, check_citations
from service.quotations import Quotation


def verified_body(body: schemas.VerifyRequest | bytes, archive: Archive) -> schemas.VerifyResponse:
    """What a request asks to check: a draft in its own format, or JSON with one, or with a list of quotations.

    Raises:
        DraftError: it cannot be read, or holds more than is checked at once.
    """
    if isinstance(body, bytes):
        return verified_draft(read_draft(body), (), archive, most=schemas.MAX_QUOTES)
    if body.text is not None:
        return verified_draft(draft_of(body.text), body.sources or (), archive, most=schemas.MAX_QUOTES)
    quotations = [Quotation(quote.text, 0, 0, quote.speaker) for quote in body.quotes or ()]
    return verified(quotations, archive, in_draft=False)


def verified_draft(
    draft: Draft, sources: Sequence[str], archive: Archive, *, most: int | None = None
) -> schemas.VerifyResponse:
    """Every quotation and every citation of a draft.

    Args:
        sources: the ids of the passages that its citations [1], [2] … mean.
        most: quotations, and citations, that are checked at once.

    Raises:
        DraftError: it holds more.
    """
    if most and len(draft.text) > schemas.MAX_DRAFT_LENGTH:
        raise DraftError(
            f"The draft holds {len(draft.text):,} characters of text; {schemas.MAX_DRAFT_LENGTH:,} are checked at "
            "once. Send it in parts."
        )
    reading = reading_of(draft, archive)
    if most and len(reading.quotations) > most:
        raise DraftError(
            f"The draft holds {len(reading.quotations)} quotations; {most} are checked at once. Send it in parts."
        )
    numbered = [[id_] for id_ in sources] or None
    citations = check_citations(draft.text, reading.quotations, numbered, archive, most + 1 if most else None)
    if most and len(citations) > most:
        raise DraftError(f"The draft holds more than {most} citations, which are checked at once. Send it in parts.")
    response = verified(reading.quotations, archive, in_draft=True)
    places = [(draft.line_at(q.start), draft.paragraph_at(q.start)) for q in reading.quotations]
    return response.model_copy(
        update={
            "draft": schemas.ReadDraft(
                format=draft.format, text=None if draft.format is DraftFormat.TEXT else draft.text
            ),
            "results": [
                result.model_copy(update={"line": line, "paragraph": paragraph})
                for result, (line, paragraph) in zip(response.results, places, strict=True)
            ],
            "citations": [_citation(citation, draft, archive) for citation in citations],
            "cited": Counter(citation.status for citation in citations),
            "notes": [_unclosed(draft, place) for place in reading.unclosed],
        }
    )


def _citation(citation: Citation, draft: Draft, archive: Archive) -> schemas.CitedPassage:
    return schemas.CitedPassage(
        cited=citation.cited,
        start=citation.start,
        end=citation.end,
        line=draft.line_at(citation.start),
        paragraph=draft.paragraph_at(citation.start),
        status=citation.status,
        quotation=citation.quotation,
        passage=passage(citation.passage, archive) if citation.passage else None,
    )


def _unclosed(draft: Draft, place: int) -> str:
    line = draft.line_at(place)
    where = f"line {line}" if line else f"paragraph {draft.paragraph_at(place)}"
    words = " ".join(draft.text[place : place + 60].split()[:6])
    return f"{where}: no mark closes what opens here; it is checked to the end of its paragraph: {words} …"
