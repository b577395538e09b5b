"""Deepgram: `results.channels[].alternatives[].words`, times in seconds, speakers numbered.

    {"metadata": {…}, "results": {"channels": [{"alternatives": [{"transcript": "Good morning. Hello!", "words": [
      {"word": "good", "start": 0.1, "end": 0.4, "speaker": 0, "punctuated_word": "Good"}, …],
      "paragraphs": {"paragraphs": [{"num_words": 2, "speaker": 0, "sentences": […]}, …]}}]}],
      "utterances": [{"transcript": "Good morning.", "start": 0.1, "end": 0.9, "speaker": 0, "channel": 0}, …]}}

The words of the first alternative are read. Paragraphs and utterances hold the same words again: paragraphs say where
one begins, and either is read where words are missing. Several channels are interleaved phrase by phrase, their
speakers kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any

from indexer.fields import channel_of, first_object, known, label_of, mapping, member, objects, refusal, seconds, string
from indexer.tokens import Token, channel_label, conversation, respaced, speech
from indexer.types import Transcript


def recognises(content: Any) -> bool:
    results = member(content, "results")
    if not isinstance(results, dict):
        return False
    entries = results.get("channels") or results.get("utterances")
    return (
        isinstance(entries, list)
        and bool(entries)
        and all(
            isinstance(entry, dict) and not {"alternatives", "transcript"}.isdisjoint(entry) for entry in entries[:5]
        )
    )


def parse(content: Any) -> Transcript:
    results = member(content, "results")
    if not isinstance(results, dict):
        raise refusal("", "there is no object `results` with `channels`")
    channels = objects(results, "channels")
    spoken = {str(number): _channel(channel, number) for number, channel in enumerate(channels)}
    if not any(spoken.values()):
        spoken = {"0": list(_utterances(objects(results, "utterances")))}
    utterances, dropped = speech(conversation(spoken))
    language = known(channels[0], "detected_language") if channels else None
    return Transcript(utterances=tuple(utterances), language=language, dropped=tuple(dropped))


def _channel(channel: dict[str, Any], number: int) -> list[Token]:
    where = f"channel {number}"
    alternative = first_object(channel, "alternatives", where)
    transcript = string(alternative, "transcript", where)
    paragraphs = objects(mapping(alternative, "paragraphs", where), "paragraphs", where)
    words = [_word(word, line) for line, word in enumerate(objects(alternative, "words", where), 1)]
    words = [word for word in words if word.text]
    if not words:
        return list(_sentences(paragraphs)) or [Token(transcript)] * bool(transcript)
    return _with_paragraphs(respaced(words, transcript) or words, paragraphs)


def _word(word: dict[str, Any], line: int) -> Token:
    where = f"word {line}"
    text = string(word, "punctuated_word", where) or string(word, "word", where)
    return _token(word, text, where, line)


def _token(entry: dict[str, Any], text: str, where: str, line: int) -> Token:
    label = label_of(entry.get("speaker"), where)
    return Token(text, label, seconds(entry, "start", where), seconds(entry, "end", where), line)


def _with_paragraphs(words: list[Token], paragraphs: list[dict[str, Any]]) -> list[Token]:
    counts = [paragraph.get("num_words") for paragraph in paragraphs]
    whole = [count for count in counts if isinstance(count, int)]
    if len(whole) < len(counts) or sum(whole) != len(words):
        return words
    starts = set(accumulate(whole))
    return [replace(word, begins_paragraph=place in starts) for place, word in enumerate(words)]


def _sentences(paragraphs: list[dict[str, Any]]) -> Iterator[Token]:
    for line, paragraph in enumerate(paragraphs, 1):
        where = f"paragraph {line}"
        label = label_of(paragraph.get("speaker"), where)
        for place, sentence in enumerate(objects(paragraph, "sentences", where)):
            token = _token(sentence, string(sentence, "text", where), where, line)
            yield replace(token, label=label, begins_paragraph=line > 1 and place == 0)


def _utterances(utterances: list[dict[str, Any]]) -> Iterator[Token]:
    several = len({str(utterance.get("channel")) for utterance in utterances}) > 1
    for line, utterance in enumerate(utterances, 1):
        where = f"utterance {line}"
        token = _token(utterance, string(utterance, "transcript", where), where, line)
        label = channel_label(channel_of(utterance.get("channel"), where), token.label) if several else token.label
        yield replace(token, label=label)
