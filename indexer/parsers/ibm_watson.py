"""IBM Watson Speech to Text: `results` with `timestamps`, and `speaker_labels` beside them.

    {"result_index": 0, "results": [{"final": true, "alternatives": [{"transcript": "good morning %HESITATION hello ",
       "timestamps": [["good", 0.1, 0.4], ["morning", 0.4, 0.9], …]}]}, …],
     "speaker_labels": [{"from": 0.1, "to": 0.4, "speaker": 0}, …]}

A word is the speaker's whose label begins when it does. The transcript is what is read, cut where the speaker changes.
One answer, a list of them, and a finished job's `results` of answers are read. Not speech: hesitation marks, and
results that were not final.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.fields import first_object, label_of, objects, refusal, seconds, string
from indexer.tokens import Token, divided, speech
from indexer.types import Dropped, Transcript

_HESITATION = "%HESITATION"


def recognises(content: Any) -> bool:
    answers = _answers(content)
    return bool(answers) and all(isinstance(answer, dict) and _is_answer(answer) for answer in answers[:5])


def parse(content: Any) -> Transcript:
    answers = _answers(content)
    if not answers or not all(isinstance(answer, dict) for answer in answers):
        raise refusal("", "there is no list `results` with `alternatives`")
    speakers = _speakers(answers)
    tokens: list[Token] = []
    dropped: list[Dropped] = []
    results = [result for answer in answers for result in objects(answer, "results")]
    for line, result in enumerate(results, 1):
        said, left_out = _result(result, speakers, line)
        tokens += said
        dropped += left_out
    utterances, sounds = speech(tokens)
    return Transcript(utterances=tuple(utterances), dropped=(*dropped, *sounds))


def _answers(content: Any) -> list[Any]:
    """The answers of the service: one, several of a stream, or those of a job."""
    if isinstance(content, list):
        return content
    results = content.get("results") if isinstance(content, dict) else None
    if isinstance(results, list) and results and isinstance(results[0], dict) and "results" in results[0]:
        return results
    return [content] if isinstance(content, dict) else []


def _is_answer(answer: dict[str, Any]) -> bool:
    results = answer.get("results")
    if not isinstance(results, list) or not results:
        return isinstance(answer.get("speaker_labels"), list) and "result_index" in answer
    first = results[0]
    traces = {"result_index", "speaker_labels", "processing_metrics"} & answer.keys()
    return (
        isinstance(first, dict) and isinstance(first.get("alternatives"), list) and (bool(traces) or "final" in first)
    )


def _speakers(answers: list[Any]) -> dict[float | None, str | None]:
    labels = (label for answer in answers for label in objects(answer, "speaker_labels"))
    found: dict[float | None, str | None] = {}
    for line, label in enumerate(labels, 1):
        where = f"speaker label {line}"
        found[seconds(label, "from", where)] = label_of(label.get("speaker"), where)
    return found


def _result(
    result: dict[str, Any], speakers: dict[float | None, str | None], line: int
) -> tuple[list[Token], list[Dropped]]:
    where = f"result {line}"
    best = first_object(result, "alternatives", where)
    transcript = string(best, "transcript", where)
    if result.get("final") is False:
        return [], [Dropped("interim result", line, transcript)]
    heard = transcript.split(" ")
    text = " ".join(word for word in heard if word != _HESITATION)
    words = [word for word in _words(best, speakers, where, line) if word.text != _HESITATION]
    start_s, end_s = (words[0].start_s, words[-1].end_s) if words else (None, None)
    label = words[0].label if words else None
    hesitations = [Dropped("hesitation mark", line, _HESITATION)] * heard.count(_HESITATION)
    return divided(Token(text, label, start_s, end_s, line), words), hesitations


def _words(best: dict[str, Any], speakers: dict[float | None, str | None], where: str, line: int) -> Iterator[Token]:
    timestamps = best.get("timestamps") or []
    if not isinstance(timestamps, list):
        raise refusal(where, "`timestamps` is not a list")
    for place, stamp in enumerate(timestamps, 1):
        if not isinstance(stamp, list) or len(stamp) != 3:
            raise refusal(where, f"entry {place} of `timestamps` is not a word with two times")
        word = dict(zip(("word", "from", "to"), stamp, strict=True))
        start_s = seconds(word, "from", where)
        yield Token(string(word, "word", where), speakers.get(start_s), start_s, seconds(word, "to", where), line)
