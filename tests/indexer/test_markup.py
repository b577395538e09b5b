from __future__ import annotations

import pytest

from indexer.markup import plain, spaces, unescape


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("We *really* **do** ***mean*** _it_ and __this__.", "We really do mean it and this."),
        ("See [the paper](https://example.org/p) and ![a cat](cat.png).", "See the paper and a cat."),
        ("See [C](https://example.org/C_(language)), then.", "See C, then."),
        ('See [the paper](https://example.org/p "by Lena").', "See the paper."),
        ("At <https://example.org/a?b=c>.", "At https://example.org/a?b=c."),
        (r"\[laughs\] 5 \* 3 \_ok\_ \`x\` 1\. \# \\", "[laughs] 5 * 3 _ok_ `x` 1. # \\"),
        (r"\[laughs\](quietly)", "[laughs](quietly)"),
        (r"\*not\* *but \* this*", "*not* but * this"),
        ("a `b_c` d", "a b_c d"),
        ("snake_case_word and 2*3*4", "snake_case_word and 2*3*4"),
        ("[laughs] [inaudible 00:01:53] {disfmarker}", "[laughs] [inaudible 00:01:53] {disfmarker}"),
        ("R&amp;D &#39;til &#x2019;tis, R&D, &lt;b&gt;", "R&D 'til ’tis, R&D, <b>"),
        ("  two   blanks\tand\u00a0one ", "two blanks and one"),
        ("", ""),
    ],
)
def test_markdown_becomes_the_words_that_were_said(marked: str, words: str) -> None:
    assert plain(marked) == words


@pytest.mark.parametrize("text", ["copy&section", "AT&T", "Q&A", "a&b;c", "&", "&;", "&#;", "profit & loss"])
def test_an_ampersand_that_is_no_entity_stays(text: str) -> None:
    assert unescape(text) == text


def test_half_a_character_and_zero_become_the_replacement_character() -> None:
    assert spaces("a\ud83d b\0c") == "a\ufffd b\ufffdc"
