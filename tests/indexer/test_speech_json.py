"""The JSON of speech-to-text tools: whichever it is, every word is said once, in order, by its speaker."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import TranscriptError
from indexer.parsers import FORMATS, parse_transcript
from indexer.types import Dropped, Transcript
from tests.indexer.test_conversations import Draw

DATA = Path(__file__).parents[1] / "data"
TOOLS = (
    "assemblyai whisper deepgram aws-transcribe google-speech azure-speech ibm-watson speechmatics rev-ai "
    "youtube-json3 generic-json"
).split()
ROWS = {row.name: row for row in FORMATS if row.reads == "json"}
GOLDEN = [path for name in TOOLS for path in sorted((DATA / name).glob("*.json")) if ".expected" not in path.name]

Words = list[tuple[str, float, float]]
"""A word, and when it begins and ends."""
Talk = list[tuple[int, Words]]
"""Turns of numbered speakers; no two of one speaker follow each other."""

CURIOUS = (
    "thing: [inaudible] [laughs] R&D &amp; <b> </v> --> >> snake_case *stars* `code` 08:15 … — “quoted” l’été 日本語。 "
    "¿qué? 🎙️ e\u0301 3.5% C++ $5 x_{2} http://example.org/a?b=c&d I’m Dr. U.S. it's - ! %HESITATIONS"
).split()
LETTERS = st.characters(categories=("L", "M", "N", "P", "S"), exclude_characters="♪♫")
curious_words = st.sampled_from(CURIOUS) | st.text(LETTERS, min_size=1, max_size=8)
plain_words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8).map(lambda word: f"{word}o")


@st.composite
def talks(draw: st.DrawFn, words: st.SearchStrategy[str] = curious_words) -> Talk:
    turns = draw(
        st.lists(st.tuples(st.integers(0, 2), st.lists(words, min_size=1, max_size=9)), min_size=1, max_size=7)
    )
    time_s = 0.0
    talk: Talk = []
    for speaker, same in groupby(turns, key=lambda turn: turn[0]):
        timed: Words = []
        for word in (word for _, said in same for word in ["so", *said, "then."]):
            timed.append((word, time_s, time_s + 0.25))
            time_s += draw(st.sampled_from([0.25, 0.5, 2.0]))
        talk.append((speaker, timed))
    return talk


def text_of(words: Words) -> str:
    return " ".join(word for word, _, _ in words)


def flat(talk: Talk) -> list[tuple[int, str, float, float]]:
    return [(speaker, *word) for speaker, words in talk for word in words]


def render_whisper(talk: Talk, draw: Draw) -> Any:
    """Segments that end anywhere; the words' speakers tell."""
    blank = draw(st.sampled_from(["", " "]))
    size = draw(st.integers(1, 12))
    words = [
        {"word": f"{blank}{word}", "start": start, "end": end, "speaker": f"SPEAKER_0{speaker}"}
        for speaker, word, start, end in flat(talk)
    ]
    segments = []
    for place in range(0, len(words), size):
        some = words[place : place + size]
        text = " ".join(str(word["word"]).strip() for word in some)
        segments.append({"text": f" {text}", "start": some[0]["start"], "end": some[-1]["end"], "words": some})
    result = {"segments": segments, "language": "en"}
    return draw(st.sampled_from([result, {"bucket_name": "b", "result": result}, segments]))


def render_assemblyai(talk: Talk, draw: Draw) -> Any:
    def word(speaker: int, text: str, start: float, end: float) -> dict[str, Any]:
        return {"text": text, "start": int(start * 1000), "end": int(end * 1000), "speaker": "ABC"[speaker]}

    utterances = [
        {
            "text": text_of(said),
            "speaker": "ABC"[who],
            "start": int(said[0][1] * 1000),
            "words": [word(who, *w) for w in said],
        }
        for who, said in talk
    ]
    return {
        "audio_url": "https://audio.example/1.mp3",
        "status": "completed",
        "text": " ".join(text_of(said) for _, said in talk),
        "words": [word(*one) for one in flat(talk)],
        "utterances": utterances if draw(st.booleans()) else None,
    }


def render_deepgram(talk: Talk, draw: Draw) -> Any:
    words = [
        {"word": word.casefold(), "punctuated_word": word, "start": start, "end": end, "speaker": speaker}
        for speaker, word, start, end in flat(talk)
    ]
    paragraphs = [{"num_words": len(said), "speaker": speaker, "sentences": []} for speaker, said in talk]
    utterances = [{"transcript": text_of(said), "start": said[0][1], "speaker": speaker} for speaker, said in talk]
    alternative: dict[str, Any] = {"transcript": " ".join(text_of(said) for _, said in talk)}
    results: dict[str, Any] = {"channels": [{"alternatives": [alternative, {"transcript": "a worse guess"}]}]}
    if draw(st.booleans()):
        alternative["paragraphs"] = {"paragraphs": paragraphs}
    if draw(st.booleans()):
        results["utterances"] = utterances
        if draw(st.booleans()):
            results["channels"] = [{"alternatives": [{}]}]
            return {"results": results}
    return {"results": {**results, "channels": [{"alternatives": [{**alternative, "words": words}]}]}}


def render_aws(talk: Talk, draw: Draw) -> Any:
    newer = draw(st.booleans())
    items: list[dict[str, Any]] = []
    segments = []
    for speaker, words in talk:
        label = f"spk_{speaker}"
        spans = [{"start_time": str(start), "end_time": str(end), "speaker_label": label} for _, start, end in words]
        bounds = {"start_time": str(words[0][1]), "end_time": str(words[-1][2]), "speaker_label": label}
        segments.append({**bounds, "items": spans if draw(st.booleans()) else []})
        for (word, *_), span in zip(words, spans, strict=True):
            times = {"start_time": span["start_time"], "end_time": span["end_time"]}
            stop = word.endswith(".") and len(word) > 1
            content = word[:-1] if stop else word
            items.append({"type": "pronunciation", **times, "alternatives": [{"content": content}]})
            items += [{"type": "punctuation", "alternatives": [{"content": "."}]}] * stop
            if newer:
                for item in items[-1 - stop :]:
                    item["speaker_label"] = label
    results: dict[str, Any] = {"items": items, "transcripts": [{"transcript": ""}]}
    if draw(st.booleans()):
        results["transcripts"] = [{"transcript": " ".join(text_of(said) for _, said in talk)}]
    return {"results": results if newer else {**results, "speaker_labels": {"segments": segments}}}


def render_google(talk: Talk, draw: Draw) -> Any:
    """Results for each turn; in v1, without their tags, and all words again at the end."""
    v2 = draw(st.booleans())
    start, end, tag = ("startOffset", "endOffset", "speakerLabel") if v2 else ("startTime", "endTime", "speakerTag")
    timed = v2 or draw(st.booleans())
    plain = [{"word": word, **({start: f"{s}s", end: f"{e}s"} if timed else {})} for _, word, s, e in flat(talk)]
    tagged = [
        {**word, tag: str(speaker + 1) if v2 else speaker + 1}
        for word, (speaker, *_) in zip(plain, flat(talk), strict=True)
    ]
    results: list[dict[str, Any]] = []
    place = 0
    for _, said in talk:
        words = (tagged if v2 else plain)[place : place + len(said)]
        results.append({"alternatives": [{"transcript": f" {text_of(said)}", "words": words}]})
        place += len(said)
    if not v2:
        results.append({"alternatives": [{"words": tagged}]})
    return {"response": {"results": results}} if draw(st.booleans()) else {"results": results}


def render_azure(talk: Talk, draw: Draw) -> Any:
    if draw(st.booleans()):
        fast = [
            {"text": text_of(said), "speaker": speaker + 1, "offsetMilliseconds": int(said[0][1] * 1000)}
            for speaker, said in talk
        ]
        return {"combinedPhrases": [{"text": "…"}], "phrases": fast}
    phrases = [
        {
            "recognitionStatus": "Success",
            "channel": 0,
            "speaker": speaker + 1,
            "offset": f"PT{said[0][1]:g}S",
            "offsetInTicks": said[0][1] * 1e7,
            "nBest": [{"display": text_of(said), "lexical": text_of(said).casefold()}, {"display": "A worse guess."}],
        }
        for speaker, said in talk
    ]
    return {"combinedRecognizedPhrases": [{"display": "…"}], "recognizedPhrases": phrases}


def render_ibm(talk: Talk, draw: Draw) -> Any:
    size = draw(st.integers(1, 12))
    words = flat(talk)
    results = [
        {
            "final": True,
            "alternatives": [
                {
                    "transcript": " ".join(word for _, word, _, _ in words[place : place + size]) + " ",
                    "timestamps": [[word, start, end] for _, word, start, end in words[place : place + size]],
                }
            ],
        }
        for place in range(0, len(words), size)
    ]
    labels = [{"from": start, "to": end, "speaker": speaker, "final": True} for speaker, _, start, end in words]
    answer = {"result_index": 0, "results": results, "speaker_labels": labels}
    return draw(st.sampled_from([answer, [answer], {"status": "completed", "results": [answer]}]))


def render_speechmatics(talk: Talk, draw: Draw) -> Any:
    results = []
    for speaker, word, start, end in flat(talk):
        pieces = [(word[:-1], "word"), (".", "punctuation")] if word == "then." else [(word, "word")]
        for content, kind in pieces:
            best = {"content": content, "speaker": f"S{speaker + 1}"}
            result = {"type": kind, "start_time": start, "end_time": end, "alternatives": [best]}
            results.append({**result, "attaches_to": "previous"} if kind == "punctuation" else result)
    return {"format": "2.9", "metadata": {"transcription_config": {"language": "en"}}, "results": results}


def render_rev(talk: Talk, draw: Draw) -> Any:
    def elements(words: Words) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for word, start, end in words:
            found += [{"type": "punct", "value": " "}] if found else []
            found.append({"type": "text", "value": word, "ts": start, "end_ts": end})
        return found

    names = [{"id": 0, "name": "Speaker 1"}, {"id": 1, "name": "Speaker 2"}, {"id": 2, "name": "Speaker 3"}]
    return {"speakers": names, "monologues": [{"speaker": who, "elements": elements(said)} for who, said in talk]}


def render_youtube(talk: Talk, draw: Draw) -> Any:
    """Captions by hand: every turn names its speaker."""
    events: list[dict[str, Any]] = [{"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1}]
    for speaker, words in talk:
        size = draw(st.integers(2, 9))
        for place in range(0, len(words), size):
            text = text_of(words[place : place + size])
            pieces = [{"utf8": text if place else f"Speaker {speaker + 1}: {text}"}]
            events.append({"tStartMs": int(words[place][1] * 1000), "dDurationMs": 200, "segs": pieces})
            events.append({"tStartMs": int(words[place][1] * 1000), "aAppend": 1, "segs": [{"utf8": "\n"}]})
    return {"wireMagic": "pb3", "events": events}


def render_generic(talk: Talk, draw: Draw) -> Any:
    times = [
        ("start", "end", 1),
        ("startTime", "endTime", 1),
        ("start_time_ms", "end_time_ms", 1000),
        ("begin", "to", 1),
    ]
    start, end, factor = draw(st.sampled_from(times))
    speaker, text = draw(st.sampled_from([("speaker", "text"), ("speaker_name", "body"), ("name", "utterance")]))
    entries: list[dict[str, Any]] = [
        {
            speaker: f"Speaker {who + 1}",
            text: text_of(said).replace("&", "&amp;"),
            start: said[0][1] * factor,
            end: said[-1][2] * factor,
        }
        for who, said in talk
    ]
    key = draw(st.sampled_from(["segments", "turns", "dialogue", "results"]))
    return draw(st.sampled_from([entries, {key: entries}, {"title": "A talk", "transcript": {key: entries}}]))


Render = Callable[[Talk, Draw], Any]
RENDERERS: dict[str, tuple[Render, str, st.SearchStrategy[str]]] = {
    "assemblyai": (render_assemblyai, "Speaker A|Speaker B|Speaker C", curious_words),
    "whisper": (render_whisper, "SPEAKER_00|SPEAKER_01|SPEAKER_02", curious_words),
    "deepgram": (render_deepgram, "Speaker 0|Speaker 1|Speaker 2", curious_words),
    "aws-transcribe": (render_aws, "spk_0|spk_1|spk_2", curious_words),
    "google-speech": (render_google, "Speaker 1|Speaker 2|Speaker 3", curious_words),
    "azure-speech": (render_azure, "Speaker 1|Speaker 2|Speaker 3", curious_words),
    "ibm-watson": (render_ibm, "Speaker 0|Speaker 1|Speaker 2", curious_words),
    "speechmatics": (render_speechmatics, "S1|S2|S3", curious_words),
    "rev-ai": (render_rev, "Speaker 1|Speaker 2|Speaker 3", curious_words),
    "youtube-json3": (render_youtube, "Speaker 1|Speaker 2|Speaker 3", plain_words),
    "generic-json": (render_generic, "Speaker 1|Speaker 2|Speaker 3", curious_words),
}


def read(content: Any, force: str | None = None) -> tuple[str, Transcript]:
    return parse_transcript(json.dumps(content).encode(), force=force)


def turns(transcript: Transcript) -> list[tuple[str | None, list[str]]]:
    by_speaker = groupby(transcript.utterances, key=lambda utterance: utterance.label)
    return [(label, [word for utterance in same for word in utterance.text.split()]) for label, same in by_speaker]


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_word_is_said_once_in_order_by_its_speaker(name: str, data: st.DataObject) -> None:
    render, labels, words = RENDERERS[name]
    talk = data.draw(talks(words))
    found, transcript = read(render(talk, data.draw))
    assert found == name
    assert turns(transcript) == [(labels.split("|")[who], [word for word, *_ in said]) for who, said in talk]


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_mark_is_the_time_of_the_word_that_stands_there(name: str, data: st.DataObject) -> None:
    render, _, words = RENDERERS[name]
    talk = data.draw(talks(words))
    transcript = read(render(talk, data.draw))[1]
    starts = iter([(word, start) for _, said in talk for word, start, _ in said])
    for utterance in transcript.utterances:
        timed = {mark.char: mark.seconds for mark in utterance.marks}
        assert len(timed) == len(utterance.marks)
        assert all(one.char < other.char for one, other in pairwise(utterance.marks))
        char = 0
        for spoken in utterance.text.split():
            word, start = next(starts)
            assert word == spoken
            assert timed.pop(char, start) == start
            char += len(spoken) + 1
        assert not timed


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_recognised_as_one_format_alone(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    taken = [name for name, row in ROWS.items() if name != "generic-json" and row.recognises(content)]
    assert taken == ([] if path.parent.name == "generic-json" else [path.parent.name])


def said(content: Any, force: str | None = None) -> list[tuple[str | None, str]]:
    return [(utterance.label, utterance.text) for utterance in read(content, force)[1].utterances]


def segment(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "start": 1.0, "end": 2.0, **more}


@pytest.mark.parametrize(
    ("speaker", "label"), [("A", "Speaker A"), (1, "Speaker 1"), ("Lena", "Lena"), (None, None), ("", None)]
)
def test_whispers_speakers_are_labels(speaker: object, label: str | None) -> None:
    assert said({"language": "en", "segments": [segment(" Hi.", speaker=speaker)]}) == [(label, "Hi.")]


def test_a_whisper_segment_without_a_speaker_is_nobodys() -> None:
    segments = [segment("Hi.", speaker="SPEAKER_00"), segment("Hm."), segment("So.", speaker="SPEAKER_00")]
    assert said({"language": "en", "segments": segments}) == [
        ("SPEAKER_00", "Hi."),
        (None, "Hm."),
        ("SPEAKER_00", "So."),
    ]


def test_whispers_text_alone_is_speech_without_times() -> None:
    utterance = read({"text": "Good morning.", "usage": {"type": "tokens", "total_tokens": 9}})[1].utterances[0]
    assert (utterance.text, utterance.marks, utterance.end_s) == ("Good morning.", (), None)


def test_a_turn_that_whisper_cpp_hears_is_a_paragraph_and_nobodys() -> None:
    pieces = [
        {"text": " Is it?", "offsets": {"from": 0, "to": 900}, "speaker_turn_next": True},
        {"text": " It is.", "timestamps": {"from": "00:00:01,000", "to": "00:00:02,500"}, "speaker_turn_next": False},
    ]
    first, second = read({"result": {"language": "en"}, "transcription": pieces})[1].utterances
    assert (first.label, first.text, first.end_s) == (None, "Is it?", 0.9)
    assert (second.text, second.marks[0].seconds, second.starts_paragraph) == ("It is.", 1.0, True)


def test_pieces_of_words_that_whisper_cpp_writes_make_words() -> None:
    texts = [" Pal", "ud", "iers", " wait", ".", " - No", "- Yes", " all", "-", "night"]
    pieces = [{"text": text, "offsets": {"from": n, "to": n + 1}} for n, text in enumerate(texts)]
    assert said({"transcription": pieces}) == [(None, "Paludiers wait. - No - Yes all-night")]


def test_utterances_of_assemblyai_are_in_milliseconds_even_without_their_frame() -> None:
    words = [{"text": "Hi.", "start": 1500, "end": 1900, "confidence": 1, "speaker": "A"}]
    utterance = {"speaker": "A", "text": "Hi.", "start": 1500, "end": 1900, "confidence": 1, "words": words}
    for content in ([utterance], {"utterances": [utterance]}):
        name, transcript = read(content)
        assert (name, transcript.utterances[0].marks[0].seconds) == ("assemblyai", 1.5)


def test_utterances_of_assemblyai_without_their_words_are_in_milliseconds_too() -> None:
    utterances = [{"speaker": "A", "text": "Good morning.", "confidence": 0.9, "start": 1500, "end": 2500}]
    name, transcript = parse_transcript(json.dumps({"utterances": utterances}).encode())
    assert (name, transcript.utterances[0].marks[0].seconds) == ("assemblyai", 1.5)


def test_sentences_of_assemblyai_are_read() -> None:
    sentences = [{"text": "Hi, all.", "start": 0, "end": 900, "words": [], "speaker": "B"}]
    assert said({"sentences": sentences, "id": "1", "audio_duration": 9}) == [("Speaker B", "Hi, all.")]


def test_chapters_are_not_speech() -> None:
    chapters = [{"headline": "Wells", "gist": "", "summary": None, "start": 0, "end": 9}]
    transcript = read({"audio_url": "x", "text": "Hi.", "words": None, "chapters": chapters})[1]
    assert transcript.dropped == (Dropped("chapter headline", 1, "Wells"),)


def test_deepgrams_sentences_are_read_where_there_are_no_words() -> None:
    paragraphs = [
        {"speaker": 0, "sentences": [{"text": "Hi.", "start": 1, "end": 2}, {"text": "So?", "start": 2, "end": 3}]},
        {"speaker": 0, "sentences": [{"text": "Hm.", "start": 4, "end": 5}]},
    ]
    alternative = {"transcript": "", "paragraphs": {"paragraphs": paragraphs}}
    first, second = read({"results": {"channels": [{"alternatives": [alternative]}]}})[1].utterances
    assert (first.label, first.text, second.text, second.starts_paragraph) == ("Speaker 0", "Hi. So?", "Hm.", True)


def test_deepgrams_utterances_of_two_channels_keep_their_channels() -> None:
    utterances = [{"transcript": "Hi.", "channel": 0, "start": 1}, {"transcript": "Hm.", "channel": 1, "speaker": 0}]
    assert said({"results": {"utterances": utterances}}) == [("Channel 0", "Hi."), ("Channel 1 Speaker 0", "Hm.")]


def test_amazons_segments_are_read_where_there_are_no_items() -> None:
    segments = [{"transcript": "Hi.", "speaker_label": "spk_0", "start_time": "1.0", "end_time": "2.0"}]
    assert said({"results": {"audio_segments": segments}}) == [("spk_0", "Hi.")]
    assert said({"results": {"transcripts": [{"transcript": "Hi."}]}}) == [(None, "Hi.")]


def test_amazons_channels_of_one_name_keep_all_their_words() -> None:
    def channel(word: str, start: str) -> dict[str, Any]:
        item = {"type": "pronunciation", "start_time": start, "end_time": start, "alternatives": [{"content": word}]}
        return {"channel_label": "ch_0", "items": [item]}

    channels = [channel("No.", "2.0"), channel("Well?", "1.0")]
    assert said({"results": {"items": [], "channel_labels": {"channels": channels}}}) == [
        ("Channel 1", "Well?"),
        ("Channel 0", "No."),
    ]


def google(*results: tuple[str, list[tuple[str, dict[str, Any]]]]) -> dict[str, Any]:
    return {
        "results": [
            {"alternatives": [{"transcript": text, "words": [{"word": word, **more} for word, more in words]}]}
            for text, words in results
        ]
    }


def test_what_is_said_again_is_not_what_google_repeats() -> None:
    yes = ("Yes.", {"speakerTag": 1})
    assert said(google(("Yes.", [yes]), ("Yes.", [yes]))) == [("Speaker 1", "Yes. Yes.")]
    assert said(google(("Yes.", [("Yes.", {})]), ("Yes.", [("Yes.", {})]))) == [(None, "Yes. Yes.")]


def test_what_google_repeats_in_a_stream_is_read_once() -> None:
    def at(time: str) -> dict[str, Any]:
        return {"speakerTag": 1, "startTime": time}

    first, second = ("So", at("1s")), ("it", at("1.500s"))
    assert said(google(("So", [first]), ("So it", [first, second]))) == [("Speaker 1", "So it")]


@pytest.mark.parametrize(
    "start", ["2.500s", {"seconds": "2", "nanos": 500000000}, {"seconds": 2, "nanos": 500_000_000}, 2.5]
)
def test_googles_offsets_are_read_however_they_are_written(start: object) -> None:
    transcript = read(google(("Hi.", [("Hi.", {"start_time": start, "speaker_tag": 0})])))[1]
    assert (transcript.utterances[0].marks[0].seconds, transcript.utterances[0].label) == (2.5, None)


def test_googles_transcripts_are_read_where_there_are_no_words() -> None:
    results = [
        {"alternatives": [{"transcript": "Hi."}], "resultEndTime": "4.500s", "channelTag": tag} for tag in (1, 2)
    ]
    transcript = read({"results": results})[1]
    assert [(u.label, u.text, u.end_s) for u in transcript.utterances] == [
        ("Channel 1", "Hi.", 4.5),
        ("Channel 2", "Hi.", 4.5),
    ]


def test_older_capitals_of_azure_are_read() -> None:
    best = [{"Display": "Hi, all.", "Lexical": "hi all"}]
    phrase = {"RecognitionStatus": "Success", "Channel": 0, "Speaker": 2, "Offset": "PT1M1.5S", "NBest": best}
    transcript = read({"RecognizedPhrases": [phrase]})[1]
    assert (transcript.utterances[0].label, transcript.utterances[0].text) == ("Speaker 2", "Hi, all.")
    assert transcript.utterances[0].marks[0].seconds == 61.5


def test_azures_words_as_displayed_have_their_own_times() -> None:
    words = [
        {"displayText": "Hi.", "offsetInTicks": 10_000_000, "durationInTicks": 1},
        {"displayText": "So?", "offsetInTicks": 25_000_000, "durationInTicks": 1},
    ]
    best = [{"display": "Hi. So?", "displayWords": words}]
    phrase = {"offsetInTicks": 10_000_000, "durationInTicks": 20_000_000, "nBest": best}
    utterance = read({"recognizedPhrases": [phrase]})[1].utterances[0]
    assert [(mark.char, mark.seconds) for mark in utterance.marks] == [(0, 1.0), (4, 2.5)]


def test_words_of_a_language_without_blanks_have_none() -> None:
    results = [
        {"type": "word", "start_time": n, "end_time": n, "alternatives": [{"content": word, "speaker": "S1"}]}
        for n, word in enumerate("日本 語".split())
    ]
    assert said({"metadata": {"language_pack_info": {"word_delimiter": ""}}, "results": results}) == [("S1", "日本語")]


def test_a_mark_is_the_speakers_of_the_word_that_it_attaches_to() -> None:
    pieces = (("word", "Hello", "S1", None), ("punctuation", "?", "S2", "previous"), ("word", "Hi", "S2", None))
    results = [
        {"type": kind, "attaches_to": attached, "alternatives": [{"content": content, "speaker": speaker}]}
        for kind, content, speaker, attached in pieces
    ]
    assert said({"metadata": {}, "results": results}) == [("S1", "Hello?"), ("S2", "Hi")]


def test_speechmatics_channels_keep_their_names() -> None:
    results = [
        {"type": "word", "channel": name, "start_time": at, "end_time": at, "alternatives": [{"content": word}]}
        for name, word, at in (("agent", "Hello.", 1), ("caller", "Hi.", 2), ("agent", "So?", 3))
    ]
    assert said({"metadata": {}, "results": results}) == [("agent", "Hello."), ("caller", "Hi."), ("agent", "So?")]


def test_revs_elements_without_blanks_are_words() -> None:
    elements = [{"type": kind, "value": value} for kind, value in (("text", "Well"), ("punct", ","), ("text", "no"))]
    content = {"monologues": [{"speaker": 0, "speaker_info": {"display_name": "Tove"}, "elements": elements}]}
    assert said(content) == [("Tove", "Well, no")]


def test_lines_that_stay_on_screen_are_read_once() -> None:
    lines = "so we built it|and it sank|nobody was hurt|but the boat|was gone by noon".split("|")
    shown = [(lines[n - 1] + "\n" if n else "") + line for n, line in enumerate(lines)]
    events = [{"tStartMs": n * 1000, "dDurationMs": 900, "segs": [{"utf8": text}]} for n, text in enumerate(shown)]
    transcript = read({"wireMagic": "pb3", "events": events})[1]
    assert " ".join(utterance.text for utterance in transcript.utterances) == " ".join(lines)


def test_what_looks_like_markup_in_youtubes_plain_text_is_words() -> None:
    events = [{"tStartMs": 0, "dDurationMs": 900, "segs": [{"utf8": "use the <b> tag, <i>not</i> this"}]}]
    assert said({"wireMagic": "pb3", "events": events}) == [(None, "use the <b> tag, <i>not</i> this")]


def test_youtubes_sentences_have_the_times_of_their_pieces() -> None:
    pieces = [{"utf8": "It sank."}, {"utf8": " We", "tOffsetMs": 700}, {"utf8": " swam.", "tOffsetMs": 900}]
    events = [{"tStartMs": 3_600_000, "dDurationMs": 2000, "segs": pieces}]
    utterance = read({"events": events})[1].utterances[0]
    assert [(mark.char, mark.seconds) for mark in utterance.marks] == [(0, 3600.0), (9, 3600.7)]


@pytest.mark.parametrize(
    ("fields", "start_s", "end_s"),
    [
        ({"start": 1.5, "end": 2}, 1.5, 2.0),
        ({"startTime": "00:01:02.5", "endTime": "1:04"}, 62.5, 64.0),
        ({"start_time_ms": 1500, "durationMs": 250}, 1.5, 1.75),
        ({"begin": "12.5", "duration": "2"}, 12.5, 14.5),
        ({"timestamp": "00:15-00:30"}, 15.0, None),
        ({"timestamp": "[00:00:15]"}, 15.0, None),
        ({"time": "10:32 AM"}, None, None),
        ({"timestamp": 1_700_000_000}, None, None),
        ({"start": "2024-05-01T10:00:00Z", "end": None}, None, None),
    ],
)
def test_times_of_plain_json_are_read_as_their_keys_say(
    fields: dict[str, Any], start_s: float | None, end_s: float | None
) -> None:
    utterance = read([{"speaker": "Lena", "text": "Hi.", **fields}])[1].utterances[0]
    assert (utterance.marks[0].seconds if utterance.marks else None, utterance.end_s) == (start_s, end_s)


@pytest.mark.parametrize(
    "entry",
    [
        {"speaker": "Lena", "text": "Hi."},
        {"name": "Lena", "utterance": "Hi."},
        {"speaker_name": "Lena", "speaker": 3, "body": "Hi."},
        {"speaker": {"name": "Lena", "id": 7}, "content": "Hi."},
        {"speakerId": "p1", "text": "Hi."},
        {"Speaker": " Lena ", "Text": "Hi."},
    ],
)
def test_plain_json_names_its_speakers_in_many_ways(entry: dict[str, Any]) -> None:
    assert said({"speakers": {"p1": "Lena"}, "dialogue": [entry]}) == [("Lena", "Hi.")]


def test_parts_of_a_monologue_are_its_speakers() -> None:
    blocks: list[Any] = [{"text": "One."}, "Two.", {"text": "Three.", "start": 9}]
    content = {"monologues": [{"speaker": "Lena", "start": "0:05", "blocks": blocks}]}
    utterance = read(content)[1].utterances[0]
    assert (utterance.label, utterance.text) == ("Lena", "One. Two. Three.")
    assert [(mark.char, mark.seconds) for mark in utterance.marks] == [(0, 5.0), (10, 9.0)]


def test_plain_json_states_the_episode() -> None:
    content = {
        "title": "Grain",
        "metadata": {"show": "Slow Freight", "date": "last week", "language": "en"},
        "hosts": ["Lena Ortiz", 5],
        "segments": [{"speaker": "Omar", "text": "Hi."}],
    }
    transcript = read(content)[1]
    assert (transcript.title, transcript.show, transcript.date, transcript.language) == (
        "Grain",
        "Slow Freight",
        None,
        "en",
    )
    assert [person.name for person in transcript.people] == ["Lena Ortiz"]


@pytest.mark.parametrize(
    "content",
    [
        {"name": "a-package", "version": "1.0.0", "scripts": {"test": "pytest"}},
        [{"id": 1, "text": "a list of things"}],
        {"data": [{"id": 1, "title": "no words"}]},
        {"results": [{"id": 1, "score": 0.5}]},
        {"segments": []},
        {"text": "a text alone"},
        [1, 2, 3],
        "text",
        {},
    ],
)
def test_json_that_is_no_transcript_is_taken_by_nobody(content: Any) -> None:
    assert [name for name, row in ROWS.items() if row.recognises(content)] == []


AGAIN = "Export the transcript again."
REFUSALS: dict[str, tuple[str, Any, str]] = {
    "whisper without segments": (
        "whisper",
        {"segments": 5},
        f"there are no `segments`, `transcription` or `chunks` with texts and times. {AGAIN}",
    ),
    "a segment that is no object": (
        "whisper",
        {"language": "en", "segments": [segment("Hi."), "Hm."]},
        f"entry 2 of `segments` is not an object. {AGAIN}",
    ),
    "a segment whose text is a number": (
        "whisper",
        {"language": "en", "segments": [segment("Hi."), {"text": 7}, segment("Hm.")]},
        f"there are no `segments`, `transcription` or `chunks` with texts and times. {AGAIN}",
    ),
    "a word whose time is a word": (
        "whisper",
        {"language": "en", "segments": [segment("Hi.", words=[{"word": "Hi.", "start": "soon"}])]},
        f"segment 1: `start` is 'soon', not a time. {AGAIN}",
    ),
    "a chunk without a pair of times": (
        "whisper",
        {"chunks": [{"text": "Hi.", "timestamp": [1.0]}]},
        f"chunk 1: `timestamp` is not a pair of times. {AGAIN}",
    ),
    "assemblyai before it is done": (
        "assemblyai",
        {"audio_url": "x", "status": "processing", "text": None},
        "the transcription's status is 'processing'. Fetch it again when it is completed.",
    ),
    "assemblyai's speaker that is a list": (
        "assemblyai",
        {"audio_url": "x", "text": "", "utterances": [{"speaker": ["A"], "text": "Hi."}]},
        f"entry 1 of `utterances`: the speaker is ['A'], not a name or a number. {AGAIN}",
    ),
    "deepgram without results": ("deepgram", {"results": []}, f"there is no object `results` with `channels`. {AGAIN}"),
    "deepgram's words that are a text": (
        "deepgram",
        {"results": {"channels": [{"alternatives": [{"transcript": "Hi.", "words": "Hi."}]}]}},
        f"channel 0: `words` is not a list. {AGAIN}",
    ),
    "amazon's item with a time that is no time": (
        "aws-transcribe",
        {"results": {"items": [{"start_time": "0:0:0:0", "alternatives": [{"content": "Hi."}]}]}},
        f"item 1: `start_time` is '0:0:0:0', not a time. {AGAIN}",
    ),
    "amazon without results": ("aws-transcribe", [], f"there is no object `results` with `items`. {AGAIN}"),
    "google's results that are none": ("google-speech", {"results": 5}, f"`results` is not a list. {AGAIN}"),
    "google's word that is a number": (
        "google-speech",
        {"results": [{"alternatives": [{"words": [{"word": 5}]}]}]},
        f"word 1 of result 1: `word` is 5, not text. {AGAIN}",
    ),
    "azure's channel that is true": (
        "azure-speech",
        {"recognizedPhrases": [{"channel": True, "nBest": [{"display": "Hi."}]}]},
        f"phrase 1: the channel is True, not a number or a name. {AGAIN}",
    ),
    "azure that is a list": (
        "azure-speech",
        [1],
        f"this is no object with `recognizedPhrases` or `phrases`. {AGAIN}",
    ),
    "watson's timestamp of two": (
        "ibm-watson",
        {"results": [{"final": True, "alternatives": [{"transcript": "Hi.", "timestamps": [["Hi.", 1.0]]}]}]},
        f"result 1: entry 1 of `timestamps` is not a word with two times. {AGAIN}",
    ),
    "watson without answers": ("ibm-watson", [], f"there is no list `results` with `alternatives`. {AGAIN}"),
    "speechmatics' metadata that is a text": (
        "speechmatics",
        {"metadata": "x", "results": []},
        f"`metadata` is not an object. {AGAIN}",
    ),
    "rev's elements that are a text": (
        "rev-ai",
        {"monologues": [{"speaker": 0, "elements": "Hi."}]},
        f"`elements` is not a list. {AGAIN}",
    ),
    "youtube's words without a time": (
        "youtube-json3",
        {"events": [{"segs": [{"utf8": "Hi."}]}]},
        f"event 1: it has words and no `tStartMs`. {AGAIN}",
    ),
    "youtube's text that is a number": (
        "youtube-json3",
        {"events": [{"tStartMs": 0, "segs": [{"utf8": 5}]}]},
        f"event 1: `utf8` is not text. {AGAIN}",
    ),
    "plain json without a list": (
        "generic-json",
        {"segments": {}},
        f"there is no list of objects with a `text` and a `speaker` or a `start`. {AGAIN}",
    ),
    "plain json with an entry that is no object": (
        "generic-json",
        {"turns": [{"speaker": "Lena", "text": "Hi."}] * 9 + ["Hm."]},
        f"entry 10: it is not an object. {AGAIN}",
    ),
    "plain json with a time that is none": (
        "generic-json",
        {"turns": [{"speaker": "Lena", "text": "Hi.", "startTime": "later"}]},
        f"entry 1: `startTime` is 'later', not a time. {AGAIN}",
    ),
    "plain json with a text that is a number": (
        "generic-json",
        {"turns": [{"speaker": "Lena", "text": 5}]},
        f"entry 1: `text` is not text. {AGAIN}",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_refused_with_its_place(case: str) -> None:
    name, content, message = REFUSALS[case]
    with pytest.raises(TranscriptError) as caught:
        read(content, force=name)
    assert str(caught.value) == f"taken for {name}: {message}"


JUNK: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "x", [], {}, [[]], [None], {"a": 1}, 10**400, "\ud800", "9" * 50)


def spoilt(value: Any, draw: Draw) -> Any:
    """A JSON value with one thing, somewhere in it, replaced."""
    if not isinstance(value, dict | list) or not value or not draw(st.integers(0, 4)):
        return draw(st.sampled_from(JUNK))
    copy = value.copy()
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    copy[key] = spoilt(value[key], draw)
    return copy


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_file_with_one_thing_spoilt_is_read_or_refused(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(GOLDEN))
    content = spoilt(json.loads(path.read_text(encoding="utf-8")), data.draw)
    try:
        transcript = ROWS[path.parent.name].parse(content)
    except TranscriptError as error:
        str(error).encode()
        return
    for utterance in transcript.utterances:
        utterance.text.encode()
        assert utterance.text == utterance.text.strip() != ""
        assert utterance.label != ""
