"""Any saved web page with a transcript in it, in whatever way it names who speaks.

    <p><b>Lena Ortiz:</b> What changed?</p>    <p>Lena Ortiz - 00:01:17</p>    <dl><dt>Lena</dt><dd>What changed?</dd>
    <p>A second paragraph.</p>                 <p>What changed?</p>            <tr><td>Lena</td><td>What changed?</td>
    <p>OMAR: The ice.</p>                      <h4>Lena</h4><p>What …</p>      <i class="speaker">Lena</i> What changed?

The page becomes paragraphs with headings and bold beginnings, and is read as `indexer.documents` says. Only the element
that holds every paragraph with a recurring name is read; below the last of them, lists of links and what follows a
heading such as "Related" are no speech, as scripts, navigation and the other furniture of a page are not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.clock import CLOCK
from indexer.documents import Paragraph, read_paragraphs
from indexer.fields import one_line
from indexer.heads import label_key, read_head
from indexer.labels import is_label
from indexer.markup import spaces
from indexer.trees import Node, root_name
from indexer.types import Dropped, Transcript
from indexer.webpage import BLOCKS, HEADINGS, NO_TEXT, Page, is_page, read_page

_STAMP = re.compile(rf"[\[(]?\s?(?P<clock>{CLOCK})\s?[\])]?")
_WHOLE_PAGE = frozenset(("html", "head", "body"))
_BOLD = frozenset(("b", "strong"))
_NAMING = frozenset(("cite", "dt", "th", "td"))
_NAMING_CLASS = re.compile(
    r"(?:^|[\s_-])(?:speaker|speakers?-?name|spk|name|who|voice|participant)(?:$|[\s_-])", re.IGNORECASE
)
_SPEAKER_ATTRIBUTES = ("data-speaker", "data-speaker-name")
_AFTERWORD = re.compile(
    r"(?:(?:more|other|recent|latest|similar|popular|previous|next)\b.{0,40}"
    r"|(?:related|recommended|you (?:might|may)|subscribe|sign up|newsletter|share|comments?|leave a|join|follow|listen"
    r"|tags|categories|about|links|show ?notes|resources|references|credits|sponsors?|support|contact|discussion)\b)",
    re.IGNORECASE,
)
_MOST_PIECES_OF_A_STAMP = 5
_LONGEST_LINK_WORDS = 15
_MIN_NAMES_WITHOUT_COLON = 3


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph or heading, and the elements around it.

    Its first `lead` code points are bold, or name a speaker. `below_break`: a single <br> stands above it.
    """

    text: str
    line: int
    around: tuple[Node, ...]
    lead: int = 0
    heading: int = 0
    is_link: bool = False
    below_break: bool = False


def recognises(text: str) -> bool:
    if not is_page(text):
        return False
    return root_name(text) in _WHOLE_PAGE or 2 * text.count("</") >= sum(
        bool(line.strip()) for line in text.split("\n")
    )


def parse(text: str) -> Transcript:
    page = read_page(text)
    writer = _Writer(page)
    writer.read(page.body, ())
    blocks, outside = _transcript_alone(_joined(_with_colons(writer.blocks)))
    told = [block for block in blocks if not (block.heading and _is_title(block, page))]
    transcript = read_paragraphs([Paragraph(b.text, b.line, b.lead, b.heading) for b in told])
    furniture = [Dropped("page furniture", block.line, block.text) for block in outside]
    dropped = sorted((*transcript.dropped, *writer.furniture, *furniture), key=lambda entry: entry.line)
    return page.complete(replace(transcript, dropped=tuple(dropped)))


class _Writer:
    """Goes through a page once and writes its blocks.

    `_pieces` are the texts of the one being written: each with whether it names, or may name, who speaks, and whether
    it is a link. `_stamp` is a time that stands alone before it.
    """

    def __init__(self, page: Page) -> None:
        self.blocks: list[_Block] = []
        self.furniture: list[Dropped] = []
        self._page = page
        self._pieces: list[tuple[str, bool, bool]] = []
        self._stamp = ""
        self._line = 1
        self._below_break = False

    def read(self, node: Node, around: tuple[Node, ...], *, leads: bool = False, links: bool = False) -> None:
        named = next((node.attributes[name] for name in _SPEAKER_ATTRIBUTES if node.attributes.get(name)), "")
        if named and node.words:
            self._write(f"{named}: ", node.line, leads=True)
        last = node.children[-1] if node.children else None
        for part in node.content:
            if isinstance(part, str):
                self._write(part, node.line, leads=leads, links=links)
            elif id(part) in self._page.is_furniture:
                self._leave_out(part)
            elif part.name == "br":
                self._below_break = self._close(around)
            elif part.name == "pre":
                self._preformatted(part, (*around, part))
            elif part.name in BLOCKS or part.name in HEADINGS:
                self._close(around)
                self._below_break = False
                self._element(part, (*around, part), is_last=part is last)
                self._close((*around, part), heading=int(part.name[1]) if part.name in HEADINGS else 0)
                self._below_break = False
            else:
                inner_leads = leads or part.name in _BOLD
                self._element(part, around, leads=inner_leads, links=links or part.name == "a")

    def _element(
        self, node: Node, around: tuple[Node, ...], *, is_last: bool = False, leads: bool = False, links: bool = False
    ) -> None:
        name = self._name(node, is_last=is_last)
        if name:
            self._write(f"{name}: ", node.line, leads=True)
        else:
            self.read(node, around, leads=leads, links=links)

    def _name(self, node: Node, *, is_last: bool) -> str | None:
        """Whom an element names as the speaker of what follows it, which only the first words of a block can."""
        if len(self._pieces) > _MOST_PIECES_OF_A_STAMP:
            return None
        written = one_line("".join(text for text, _, _ in self._pieces))
        about = f"{node.attributes.get('class', '')} {node.attributes.get('itemprop', '')}"
        naming = node.name in _NAMING and not (node.name == "td" and is_last)
        if (written and not _STAMP.fullmatch(written)) or not (naming or _NAMING_CLASS.search(about)):
            return None
        name = node.words.rstrip(": ")
        return name if is_label(name) else None

    def _write(self, text: str, line: int, *, leads: bool = False, links: bool = False) -> None:
        if not self._pieces and not text.strip():
            return
        if not self._pieces:
            self._line = line
        self._pieces.append((text, leads, links))

    def _close(self, around: tuple[Node, ...], heading: int = 0) -> bool:
        """Ends the block that is being written; True where there was one."""
        pieces, self._pieces = self._pieces, []
        if not heading and len(pieces) > 1 and pieces[1][1] and (stamp := _STAMP.fullmatch(pieces[0][0].strip())):
            self._stamp, pieces = stamp["clock"], pieces[1:]
        text, lead, is_link = _assembled(pieces)
        if not text:
            return False
        if not heading and (stamp := _STAMP.fullmatch(text)):
            self._stamp = stamp["clock"]
            return True
        if self._stamp and not heading:
            text = f"{text[:lead].rstrip()} [{self._stamp}] {text[lead:].lstrip()}".strip()
            self._stamp = ""
        self.blocks.append(_Block(text, self._line, around, lead, heading, is_link, self._below_break))
        return True

    def _preformatted(self, node: Node, around: tuple[Node, ...]) -> None:
        """Text with its own lines, and blank ones between paragraphs."""
        self._close(around)
        line = node.line
        for paragraph in node.text.split("\n\n"):
            words = "\n".join(filter(None, map(spaces, paragraph.split("\n"))))
            if words:
                self.blocks.append(_Block(words, line, around))
            line += paragraph.count("\n") + 2

    def _leave_out(self, node: Node) -> None:
        if node.name not in NO_TEXT and node.words:
            self.furniture.append(Dropped("page furniture", node.line, node.words))


def _assembled(pieces: Sequence[tuple[str, bool, bool]]) -> tuple[str, int, bool]:
    """The text of a block on one line, how many code points of it lead, and whether all of it is links."""
    written: list[str] = []
    length, lead, blank = 0, 0, False
    for piece, leads, _ in pieces:
        text = one_line(piece)
        if text:
            gap = " " if length and (blank or piece[0].isspace()) else ""
            lead = length + len(gap) + len(text) if leads and lead == length else lead
            written += (gap, text)
            length += len(gap) + len(text)
            blank = False
        blank = blank or piece[-1:].isspace()
    return "".join(written), lead, all(links for text, _, links in pieces if text.strip())


def _joined(blocks: Sequence[_Block]) -> list[_Block]:
    """The blocks, with lines that a single <br> broke, and that name nobody, in the block above."""
    joined: list[_Block] = []
    for block in blocks:
        if joined and block.below_break and not block.lead and _key(block) is None:
            joined[-1] = replace(joined[-1], text=f"{joined[-1].text}\n{block.text}")
        else:
            joined.append(block)
    return joined


def _with_colons(blocks: Sequence[_Block]) -> list[_Block]:
    """The blocks, with a colon behind bold names that come again and again in front of words."""
    bare = Counter(block.text[: block.lead] for block in blocks if _opens_with_bare_name(block))
    names = {name for name, count in bare.items() if count >= _MIN_NAMES_WITHOUT_COLON}
    return [
        replace(block, text=f"{block.text[: block.lead]}:{block.text[block.lead :]}", lead=block.lead + 1)
        if _opens_with_bare_name(block) and block.text[: block.lead] in names
        else block
        for block in blocks
    ]


def _opens_with_bare_name(block: _Block) -> bool:
    behind = block.text[block.lead :].lstrip()
    return (
        block.lead > 0 and is_label(block.text[: block.lead]) and behind[:1] not in ("", ":", "[", "(", "-", "–", "—")
    )


def _transcript_alone(blocks: Sequence[_Block]) -> tuple[list[_Block], list[_Block]]:
    """The blocks of the element that holds every recurring name, and those that are beside or below the transcript."""
    keys = [_key(block) for block in blocks]
    counts = Counter(key for key in keys if key)
    named = [place for place, key in enumerate(keys) if key and counts[key] > 1]
    if len(named) < 2:
        return list(blocks), []
    depth = _common_depth([blocks[place].around for place in named])
    if depth and blocks[named[0]].around[depth - 1].name == "p":
        depth -= 1  # a last voice may go on in the next paragraph
    container = blocks[named[0]].around[:depth]
    inside = [block.around[:depth] == container for block in blocks]
    below = range(named[-1] + 1, len(blocks))
    end = next((place for place in below if _begins_afterword(blocks[place])), len(blocks))
    kept = [
        inside[place] and place < end and not (place in below and block.is_link and _is_short(block))
        for place, block in enumerate(blocks)
    ]
    return (
        [block for block, keep in zip(blocks, kept, strict=True) if keep],
        [block for block, keep in zip(blocks, kept, strict=True) if not keep],
    )


def _key(block: _Block) -> str | None:
    """What is the same for every block that opens with this name, if it opens with one."""
    bold = block.text[: block.lead].partition(":")[0].strip()
    if bold and is_label(bold):
        return label_key(bold)
    head = read_head(block.text.split("\n", 1)[0])
    if head and (head.colon or head.stamp) and is_label(head.label):
        return head.key
    return label_key(block.text) if block.heading and is_label(block.text) else None


def _common_depth(paths: Sequence[tuple[Node, ...]]) -> int:
    depth = min(map(len, paths))
    for place in range(depth):
        if any(path[place] is not paths[0][place] for path in paths):
            return place
    return depth


def _begins_afterword(block: _Block) -> bool:
    return block.heading > 0 and _AFTERWORD.match(block.text) is not None


def _is_short(block: _Block) -> bool:
    return len(block.text.split()) <= _LONGEST_LINK_WORDS


def _is_title(block: _Block, page: Page) -> bool:
    return page.title is not None and block.text.casefold() in page.title.casefold()
