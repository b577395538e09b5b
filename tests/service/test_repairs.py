"""Where a draft is mended. The verdicts are stated here; that they are right is for the tests of `service.verify`."""

from __future__ import annotations

import pytest

from indexer.types import Role, TimeSource
from service.quotations import find_quotations
from service.repairs import Repair, name_repair, words_repair
from service.schemas import EpisodeRef, Match, SpeakerRef, VerifiedQuote
from service.verify import Verdict

PEOPLE = ("Ada Ilves", "Bo van der Berg", "Cher")


def _checked(draft: str, verdict: Verdict, said: str = "", by: str | None = "Ada Ilves", nth: int = 0) -> VerifiedQuote:
    quotation = find_quotations(draft, PEOPLE)[nth]
    match = Match(
        text=said,
        speaker=SpeakerRef(name=by, role=Role.GUEST),
        episode=EpisodeRef(id="e", title="E", show=None, date=None, language=None, url=None, source="e.txt"),
        turn=0,
        char_start=0,
        char_end=len(said),
        start_s=None,
        time=TimeSource.ABSENT,
        link="/episodes/e#t0",
        deep_link=None,
    )
    return VerifiedQuote(
        quote=quotation.text,
        attributed_to=quotation.attributed_to,
        start=quotation.start,
        end=quotation.end,
        verdict=verdict,
        match=match,
        diff=[],
        nearest=None,
    )


def _mended(draft: str, repair: Repair | None) -> str:
    assert repair is not None
    return draft[: repair.start] + repair.text + draft[repair.end :]


@pytest.mark.parametrize(
    ("draft", "mended"),
    [
        ("“It rained all day,” Ilves said.", "“It snowed all day,” Ilves said."),
        ("🩺 “[It] rained … day”, she said.", "🩺 “It snowed all day”, she said."),
        ('"It *rained* all **day**"', '"It snowed all day"'),
        ('"_It rained all day_!"', '"It snowed all day!"'),
        ("“It\nrained all day”", "“It snowed all day”"),
        ("> It rained\n> all day.\n>\n> — Ada Ilves", "> It snowed all day.\n>\n> — Ada Ilves"),
        ("“It” was “it rained all day”.", "“It” was “It snowed all day”."),
    ],
)
def test_words_are_replaced_and_the_signs_around_them_stay(draft: str, mended: str) -> None:
    checked = _checked(draft, Verdict.ALTERED, "It snowed all day")
    assert _mended(draft, words_repair(draft, checked)) == mended


def test_signs_of_money_and_shares_belong_to_the_words() -> None:
    draft = "“$5 million was 10%”"
    checked = _checked(draft, Verdict.ALTERED, "$6 million was 12%")
    assert _mended(draft, words_repair(draft, checked)) == "“$6 million was 12%”"


def test_each_line_of_a_block_quote_keeps_its_sign() -> None:
    draft = "> It rained all day. Then it stopped.\n"
    checked = _checked(draft, Verdict.ALTERED, "It snowed all day.\nThen it stopped")
    assert _mended(draft, words_repair(draft, checked)) == "> It snowed all day.\n> Then it stopped.\n"


@pytest.mark.parametrize("verdict", [Verdict.VERIFIED, Verdict.MISATTRIBUTED, Verdict.NOT_FOUND])
def test_words_that_were_said_so_or_by_nobody_stay(verdict: Verdict) -> None:
    draft = "“It rained all day,” Ada Ilves said."
    assert words_repair(draft, _checked(draft, verdict, "It snowed all day")) is None


@pytest.mark.parametrize(
    ("draft", "by", "mended"),
    [
        ("Ada Ilves: “It rained all day.”", "Bo van der Berg", "Bo van der Berg: “It rained all day.”"),
        (
            "Ada Ilves is here.\n\n“It rained all day,” Ilves said.",
            "Bo van der Berg",
            "Ada Ilves is here.\n\n“It rained all day,” van der Berg said.",
        ),
        ("“It rained all day,” Ada Ilves said.", "Cher", "“It rained all day,” Cher said."),
        ("> It rained all day.\n>\n> — Ada Ilves", "Cher", "> It rained all day.\n>\n> — Cher"),
        ("Ada Ilves said:\n\n> It rained all day.", "Cher", "Cher said:\n\n> It rained all day."),
        ("“Ada Ilves saw it rain,” Ada Ilves said.", "Cher", "“Ada Ilves saw it rain,” Cher said."),
    ],
)
def test_the_name_beside_a_quotation_is_replaced(draft: str, by: str, mended: str) -> None:
    checked = _checked(draft, Verdict.MISATTRIBUTED, "It rained all day", by)
    assert _mended(draft, name_repair(draft, checked)) == mended


def test_a_name_further_away_belongs_to_other_quotations_too() -> None:
    draft = "Ada Ilves is here.\n\nShe said: “It rained all day.”"
    checked = _checked(draft, Verdict.MISATTRIBUTED, "It rained all day", "Cher")
    assert checked.attributed_to == "Ada Ilves"
    assert name_repair(draft, checked) is None


def test_nobody_is_put_where_the_transcript_names_nobody() -> None:
    draft = "“It rained all day,” Ada Ilves said."
    assert name_repair(draft, _checked(draft, Verdict.MISATTRIBUTED, "It rained all day", None)) is None
