"""The quotations of a draft, and whom the draft says they are of.

A quotation stands between quotation marks, or in a block quote; one inside another is part of it. Marks are “ ” ” ” „ “
" ″ ＂ « » » » ‹ › ‚ ‘ ‘ ’ `` '' 「 」 『 』; straight single ones where they close behind a full stop or a comma, or
open behind a colon, a comma or a verb of saying. They are paired within a paragraph; one that nothing closes opens a
quotation to the end of its paragraph, as those of the paragraphs of a long quotation do, which the last alone closes.
Fewer than three words between marks are no quotation, but in a block quote: people mark single words for other reasons.
What is the title of an episode or a show is none.

Whose a block quote is: whom its document states, in markup or below it behind a dash; else who is introduced above.
Lines in it that begin with a name and a colon are quotations of their own, as are the marked ones in it where all else
says who speaks. `service.attribution` says whose the others are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from indexer.drafts import Draft, DraftFormat, QuoteBlock, draft_of_text
from service.attribution import NAME, Names
from service.bare_text import Bare, bare_document, bare_markdown, quote_blocks_in

FEWEST_WORDS = 3

_BLANK_LINE = r"[^\S\n]*(?:\n|\Z)"
_ITEM = r"[^\S\n]*(?:[-*+•]|\d{1,2}[.)])[^\S\n]|\#{1,6}[^\S\n]|\||[^\S\n]{0,3}>"
_PARAGRAPHS = {
    True: re.compile(rf"(?:[^\n]|\n(?!{_BLANK_LINE}|{_ITEM}))+"),
    False: re.compile(rf"(?:[^\n]|\n(?!{_BLANK_LINE}))+"),
}
# Lines of a paragraph that begin without the mark belong to it all the same.
_BLOCK = re.compile(
    rf"(?:^[^\S\n]{{0,3}}>(?:[^\n]*[^\s>][^\n]*(?:\n|\Z)(?:^(?!{_BLANK_LINE}|{_ITEM}|[^\S\n]{{0,3}}[<`~*_-])[^\n]+(?:\n|\Z))*"
    r"|[^\n]*(?:\n|\Z)))+",
    re.MULTILINE,
)
_BLOCK_MARK = re.compile(r"^[^\S\n]{0,3}(?:>[^\S\n]?)+", re.MULTILINE)
_SAYS_BEFORE = r"(?<=[:,]\s)|(?<=says\s)|(?<=said\s)|(?<=that\s)|(?<=told\s)|(?<=asks\s)|(?<=asked\s)"
_ELIDED = r"(?:cause|em|til|tis|twas|bout|round|n|\d\ds?)\b"
_MARKED = re.compile(
    r"“(?P<curly>[^“”]*(?:“[^“”]*”[^“”]*)*)”"
    r"|„(?P<low>[^„“”\"]*)[“”\"]"
    r"|«(?P<angle>[^«»]*)»|»(?P<inward>[^«»]*)«|(?<![^\s(\[])»(?=\w)(?P<outward>[^«»]*[^\s«»])»(?!\w)"
    r"|(?<!\w)\"(?=\S)(?P<straight>(?:[^\"]|(?<=[\s(\[])\"(?=\w)[^\"]*(?<=\S)\"(?!\w))*?\S)\"(?!\w)"
    r"|(?<!\w)[″＂](?=\S)(?P<wide>[^″＂]*?\S)[″＂](?!\w)"
    r"|‚(?P<lowsingle>(?:[^‚‘’]|(?<=\w)’(?=\w))*)[‘’]|‹(?P<narrow>[^‹›]*)›"
    r"|(?<![^\s(\[])”(?=\w)(?P<same>[^“”]*[^\s“”])”(?!\w)"
    r"|(?<![\w`])``(?=\S)(?P<typeset>[^`]*?\S)''(?!\w)"
    r"|「(?P<corner>[^「」]*)」|『(?P<corners>[^『』]*)』"
    r"|(?<!\w)‘(?P<single>(?:[^‘’]|(?<=\w)’(?=\w))*)’(?!\w)"
    rf"|(?<![\w'])'(?=\w)(?!{_ELIDED})(?P<typed>(?:[^'\n]|\n|(?<=\w)'(?=\w))*[.,!?…])'(?!\w)"
    rf"|(?:{_SAYS_BEFORE})'(?=\w)(?!{_ELIDED})(?P<led>(?:[^']|(?<=\w)'(?=\w))*\w)'(?!\w)"
)
_OPEN = re.compile(r"“|(?<!\w)[″＂](?=\w)|(?<!\w)\"(?=\w)|«(?=\s?\w)|„|(?<![^\s(\[])”(?=\w)|(?<![\w`])``(?=\w)|[「『]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SIGNED_LINE = re.compile(rf"\s*(?:—|–|--?)\s*(?P<name>{NAME}|[^\W\d_a-zß-ÿ][\w'’-]+)\s*(?:[,(:·|/–—-].*)?$")
_NAME_LINE = re.compile(
    rf"[\s*_]*(?P<name>{NAME})[*_]*(?:\s?[,(–—·|/][^.!?\n]{{0,60}}|, interview(?:ed)? by [^\n]{{1,300}})?[\s*_]*"
)
_SIGNED_END = re.compile(
    rf"(?<=[.?!…\"”’»])\s*(?:(?:—|–|--?)\s*(?P<name>{NAME})[^\n.?!]{{0,80}}|\((?P<inside>[^()\n]{{3,80}})\))\s*$"
)
_NAMED_LINE = re.compile(
    rf"^\s*[*_]{{0,3}}(?P<name>{NAME}|[^\W\d_a-zß-ÿ][\w'’-]+)[*_]{{0,3}}(?:\s?\([^()\n]{{0,30}}\))?\s?:[*_]{{0,3}}\s+(?=\S)"
)
_LONGEST_AROUND = 12
_NEAR = 300
_LEADING = 30


@dataclass(frozen=True, slots=True)
class Quotation:
    """`text`: the words between the marks. `start`, `end`: where the quotation stands in the draft, marks included.

    `or_to`: who else may be meant, where the draft says "she". `led_by`: the words in front of it in the draft.
    """

    text: str
    start: int
    end: int
    attributed_to: str | None
    or_to: tuple[str, ...] = ()
    led_by: str = ""

    @property
    def claimed(self) -> tuple[str, ...]:
        """Everybody whom the draft may mean."""
        return (self.attributed_to, *self.or_to) if self.attributed_to else ()


@dataclass(frozen=True, slots=True)
class Reading:
    """`unclosed`: where quotation marks open that nothing closes."""

    quotations: list[Quotation]
    unclosed: list[int]


def find_quotations(draft: str, people: Collection[str]) -> list[Quotation]:
    """The quotations of a draft in Markdown or plain text, in order.

    Args:
        people: full names that are recognised wherever they stand.
    """
    return read_quotations(draft_of_text(draft), people).quotations


def read_quotations(
    draft: Draft,
    people: Collection[str],
    titles: Collection[str] = (),
    is_word: Callable[[str], bool] = lambda _: True,
) -> Reading:
    """The quotations of a draft, in order.

    Args:
        people: full names that are recognised wherever they stand.
        titles: of episodes and shows, which people put between quotation marks too.
        is_word: whether a first or family name is a word of the language too, see `Names`.
    """
    is_text = draft.format is DraftFormat.TEXT
    bare = bare_markdown(draft.text) if is_text else bare_document(draft.text)
    names = Names(bare.text, people, titles, is_word)
    return _Finder(draft, bare, people, titles, names, is_text=is_text).read()


class _Finder:
    """Reads one draft. Places count in the bare text until a quotation is made."""

    def __init__(
        self,
        draft: Draft,
        bare: Bare,
        people: Collection[str],
        titles: Collection[str],
        names: Names,
        *,
        is_text: bool,
    ) -> None:
        self._bare = bare
        self._text = bare.text
        self._people = people
        self._titles = {_key(title) for title in titles}
        self._names = names
        self._paragraph = _PARAGRAPHS[is_text]
        self._blocks = list(_blocks_of(draft, bare, is_text=is_text))
        self._found: list[Quotation] = []
        self._unclosed: list[int] = []
        # Where the signature below the last block quote ends: it says nothing of the next one.
        self._signed_to = 0

    def read(self) -> Reading:
        position = 0
        for block in self._blocks:
            self._read_text(position, block.start)
            self._read_block(block)
            position = max(position, block.end)
        self._read_text(position, len(self._text))
        return Reading(sorted(self._found, key=lambda quotation: quotation.start), sorted(self._unclosed))

    def _read_text(self, start: int, end: int) -> None:
        """What stands outside of block quotes."""
        continued: list[int] = []
        for paragraph in self._paragraph.finditer(self._text, start, end):
            begins, ends = paragraph.span()
            spans = list(_marked(self._text, begins, ends))
            self._read_spans(spans, begins, ends)
            self._read_gaps(spans, begins)
            opened = self._opened(spans[-1][1] if spans else begins, ends)
            if opened is None:
                continued = self._continued(continued, spans, begins)
                continue
            words = self._text[opened + 1 : ends]
            self._add(words, opened, ends, self._names.of(opened, ends, (begins, ends), begins))
            following = self._text[ends : min(end, ends + _NEAR)].lstrip()
            if following.startswith(self._text[opened]):
                continued.append(len(self._found) - 1)
            else:
                self._unclosed.append(self._bare.span(opened, opened + 1)[0])

    def _continued(self, continued: list[int], spans: list[tuple[int, int, str]], begins: int) -> list[int]:
        """Gives paragraphs that open a quotation to whom the last of them names."""
        if continued and spans and not self._text[begins : spans[0][0]].strip():
            last = next((q for q in self._found if q.start == self._bare.span(*spans[0][:2])[0]), None)
            for place in continued:
                if last and not self._found[place].claimed:
                    self._found[place] = replace(self._found[place], attributed_to=last.attributed_to, or_to=last.or_to)
        return []

    def _read_gaps(self, spans: list[tuple[int, int, str]], begins: int) -> None:
        """What is opened in front of another quotation and not closed ends where that begins."""
        for number, (start, _, _) in enumerate(spans):
            behind = spans[number - 1][1] if number else begins
            if (opened := self._opened(behind, start)) is not None:
                words = self._text[opened + 1 : start]
                self._add(words, opened, start, self._names.of(opened, start, (behind, start), begins))
                self._unclosed.append(self._bare.span(opened, opened + 1)[0])

    def _opened(self, start: int, end: int) -> int | None:
        """Where a quotation is opened in a part of the draft in which nothing closes it."""
        opened = _OPEN.search(self._text, start, end)
        if opened and len(_WORD.findall(self._text[opened.end() : end])) >= FEWEST_WORDS:
            return opened.start()
        return None

    def _read_spans(self, spans: list[tuple[int, int, str]], begins: int, ends: int) -> None:
        for place, (start, end, words) in enumerate(spans):
            if len(_WORD.findall(words)) < FEWEST_WORDS:
                continue
            earlier = spans[place - 1][1] if place else begins
            later = spans[place + 1][0] if place + 1 < len(spans) else ends
            claimed = self._of_its_paragraph(start, end, begins, ends)
            self._add(words, start, end, claimed or self._names.of(start, end, (earlier, later), begins))

    def _of_its_paragraph(self, start: int, end: int, begins: int, ends: int) -> tuple[str, ...]:
        """Whose a quotation is that is a paragraph of its own: whoever signs it below, else is introduced above it."""
        if _WORD.search(self._text, begins, start) or _WORD.search(self._text, end, ends):
            return ()
        if signed := self._signature_behind(ends):
            return (signed,)
        return self._names.introducing(begins) if self._text[:begins].rstrip().endswith(":") else ()

    def _read_block(self, block: QuoteBlock) -> None:
        text = self._text[block.start : block.end]
        labels = list(self._labelled_lines(text))
        if labels:
            for start, end, name in labels:
                self._add(_unblocked(text[start:end]), block.start + start, block.start + end, (name,))
            return
        words, signed = self._signed(_unblocked(text))
        if signed is None:
            signed = self._signature_behind(block.end)
        spans = list(_marked(words, 0, len(words)))
        whole = len(spans) == 1 and not _WORD.search(words[: spans[0][0]] + words[spans[0][1] :])
        named = self._stated(block.by) or ((signed,) if signed else None)
        if not whole and spans and named is None and self._only_names_around(block):
            inside = list(_marked(self._text, block.start, block.end))
            self._read_spans([(a, b, _unblocked(w)) for a, b, w in inside], block.start, block.end)
            return
        if named is None:
            follows = self._signed_to and not self._text[self._signed_to : block.start].strip()
            named = () if follows else self._names.introducing(block.start)
        self._add(spans[0][2] if whole else words, block.start, block.end, named)

    def _labelled_lines(self, text: str) -> Iterator[tuple[int, int, str]]:
        """The parts of a block quote that name who speaks, as a dialogue does; none where its first line does not."""
        starts: list[tuple[int, int, str]] = []
        position = 0
        for line in text.splitlines(keepends=True):
            bare = _BLOCK_MARK.match(line)
            behind = bare.end() if bare else 0
            label = _NAMED_LINE.match(line[behind:])
            if label and self._is_person(label["name"]):
                starts.append((position, position + behind + label.end(), label["name"]))
            elif not starts and line[behind:].strip():
                return
            position += len(line)
        for number, (_, words, name) in enumerate(starts):
            end = starts[number + 1][0] if number + 1 < len(starts) else len(text)
            if text[words:end].strip():
                yield words, words + len(text[words:end].rstrip()), name

    def _is_person(self, name: str) -> bool:
        return any(
            name in (person, person.split(maxsplit=1)[0], person.rsplit(maxsplit=1)[-1]) for person in self._people
        )

    def _signed(self, words: str) -> tuple[str, str | None]:
        """A block quote's words without the line that signs it, and whose name that is."""
        *above, last = words.rsplit("\n", 1)
        if above and (signed := _SIGNED_LINE.match(last)):
            return above[0].rstrip(), signed["name"]
        if above and (name := self._signing(last)):
            return above[0].rstrip(), name
        if signed := _SIGNED_END.search(words):
            name = signed["name"] or next((p for p in self._people if p in signed["inside"]), None)
            if name:
                return words[: signed.start()].rstrip(), name
        return words, None

    def _signature_behind(self, end: int) -> str | None:
        """Whom the line below a block quote names, if it is a signature."""
        below = re.compile(r"\s*([^\n]*)").match(self._text, end, end + _NEAR)
        line = below[1] if below else ""
        behind = _SIGNED_LINE.match(line)
        name = behind["name"] if behind else self._signing(line)
        if below and name:
            self._signed_to = below.end()
        return name

    def _signing(self, line: str) -> str | None:
        """A person who is known, where a line is the full name and no sentence."""
        found = _NAME_LINE.fullmatch(line)
        return found["name"] if found and self._is_person(found["name"]) else None

    def _stated(self, by: str | None) -> tuple[str, ...] | None:
        """Whom a document's markup names; None where it names a work, or nobody."""
        if by is None:
            return None
        bare = re.sub(r"^[\s—–~-]+", "", by)
        known = [name for name in self._people if name in bare]
        if known:
            return (min(known, key=bare.index),)
        name = re.split(r"\s*[,(—–:|/]", bare, maxsplit=1)[0].strip()
        return (name,) if name and _key(name) not in self._titles and _key(bare) not in self._titles else None

    def _only_names_around(self, block: QuoteBlock) -> bool:
        """Whether what stands around the marked words of a block quote says who speaks, and little else."""
        around: list[str] = []
        position = block.start
        for start, end, _ in _marked(self._text, block.start, block.end):
            around.append(self._text[position:start])
            position = end
        around.append(self._text[position : block.end])
        if len(_WORD.findall(" ".join(around))) > _LONGEST_AROUND:
            return False
        return (
            self._names.first_in(block.start, block.end) is not None
            and self._text[block.start : block.end].lstrip(" >\n")[:1] in '“"«„»'
        )

    def _add(self, words: str, start: int, end: int, claimed: tuple[str, ...]) -> None:
        if not _WORD.search(words) or _key(words) in self._titles:
            return
        text = "\n".join(line.strip() for line in words.strip().split("\n"))
        line = self._text[max(0, start - _LEADING) : start].rsplit("\n\n", 1)[-1]
        self._found.append(
            Quotation(
                text=text,
                start=self._bare.span(start, end)[0],
                end=self._bare.span(start, end)[1],
                attributed_to=claimed[0] if claimed else None,
                or_to=claimed[1:],
                led_by=re.split(r"[.!?\"”»]", line)[-1],
            )
        )


def _blocks_of(draft: Draft, bare: Bare, *, is_text: bool) -> Iterator[QuoteBlock]:
    """The block quotes, in order, by their places in the bare text."""
    if not is_text:
        for block in draft.blocks:
            yield QuoteBlock(bare.place(block.start), bare.place(block.end), block.by)
        return
    blocks = [match.span() for match in _BLOCK.finditer(bare.text)]
    blocks += [(bare.place(start), bare.place(end)) for start, end in quote_blocks_in(draft.text)]
    position = 0
    for start, end in sorted(blocks):
        # `> [!NOTE]` opens a box that is no quotation.
        if start >= position and not re.match(r"[\s>]*(?:\[!\w|\Z)", bare.text[start:end]):
            words = bare.text[start:end].rstrip()
            yield QuoteBlock(start + len(words) - len(words.lstrip()), start + len(words), None)
            position = end


def _marked(draft: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for match in _MARKED.finditer(draft, start, end):
        yield match.start(), match.end(), match[match.lastgroup or 0]


def _unblocked(text: str) -> str:
    """The lines of a block quote without their marks."""
    return _BLOCK_MARK.sub("", text).strip()


def _key(title: str) -> str:
    return " ".join(title.split()).strip(" .,;:!?").casefold()
