// Between the document and the transcript's canonical text: offsets there count code points, strings here UTF-16 units.

const points = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** The units that the first `count` code points of a text take. */
const units = (text, count) => {
  let at = 0;
  for (let passed = 0; passed < count && at < text.length; passed += 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
};

/** The paragraphs of a transcript, by where they begin in its canonical text. */
export class Places {
  constructor(root) {
    this.paragraphs = [...root.querySelectorAll(".said")];
    this.starts = this.paragraphs.map((paragraph) => Number(paragraph.dataset.at));
  }

  /** The number of the paragraph that holds a code point. */
  holding(at) {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** A DOM range over `[from, to)` of the canonical text. */
  range(from, to) {
    const range = new Range();
    range.setStart(...this.#boundary(this.holding(from), from));
    range.setEnd(...this.#boundary(this.holding(to - 1), to));
    return range;
  }

  /** What a DOM range covers, blanks at its ends left out: `{from, to, words}`; null where it holds no words. */
  covered(range) {
    const first = this.#firstIn(range);
    const last = this.#lastIn(range);
    if (first > last) return null;
    const opening = this.paragraphs[first];
    const closing = this.paragraphs[last];
    const startsInside = opening.contains(range.startContainer);
    const endsInside = closing.contains(range.endContainer);
    let from = this.starts[first] + (startsInside ? points(textUpTo(opening, range.startContainer, range.startOffset)) : 0);
    const tail = endsInside ? textUpTo(closing, range.endContainer, range.endOffset) : closing.textContent;
    let to = this.starts[last] + points(tail);
    if (to <= from) return null;
    const words = this.range(from, to).toString();
    if (!words.trim()) return null;
    if (first === last) {
      from += points(words) - points(words.trimStart());
      to -= points(words) - points(words.trimEnd());
    }
    return { from, to, words: words.trim() };
  }

  #boundary(number, at) {
    let left = at - this.starts[number];
    const walker = document.createTreeWalker(this.paragraphs[number], NodeFilter.SHOW_TEXT);
    let node = walker.nextNode();
    while (node) {
      const length = points(node.data);
      if (left <= length) return [node, units(node.data, left)];
      left -= length;
      const next = walker.nextNode();
      if (!next) return [node, node.data.length];
      node = next;
    }
    return [this.paragraphs[number], 0];
  }

  // Paragraphs before the range end before it begins. One that it only touches holds none of its words.
  #firstIn(range) {
    return this.#search((paragraph) => range.comparePoint(paragraph, paragraph.childNodes.length) >= 0 && !touchesEnd(paragraph, range));
  }

  #lastIn(range) {
    return this.#search((paragraph) => range.comparePoint(paragraph, 0) > 0 || touchesStart(paragraph, range)) - 1;
  }

  /** The first paragraph of which something is true that stays true for all that follow. */
  #search(isTrue) {
    let low = 0;
    let high = this.paragraphs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isTrue(this.paragraphs[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const textUpTo = (paragraph, node, offset) => {
  const range = new Range();
  range.setStart(paragraph, 0);
  range.setEnd(node, offset);
  return range.toString();
};

const touchesEnd = (paragraph, range) =>
  paragraph.contains(range.startContainer) && textUpTo(paragraph, range.startContainer, range.startOffset).length === paragraph.textContent.length;

const touchesStart = (paragraph, range) =>
  paragraph.contains(range.endContainer) && textUpTo(paragraph, range.endContainer, range.endOffset).length === 0;

// As `service/web/inside.py` finds words for those who read without scripts: any case, and signs however they are set.
const ALIKE = { "…": "(?:…|\\.\\.\\.)" };
for (const signs of ["'‘’ʼ", '"“”„«»', "-‐‑–—"]) for (const sign of signs) ALIKE[sign] = `[${signs}]`;
const NO_BLANKS_BETWEEN_WORDS = /^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/u;

/** What finds a query as it is spelled, from the beginning of a word on; null where there is nothing to look for. */
export const wordsPattern = (query) => {
  const words = query.trim().split(/\s+/u).filter(Boolean);
  if (!words.length) return null;
  const escaped = (sign) => ALIKE[sign] ?? sign.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
  const spelled = words.map((word) => [...word].map(escaped).join("")).join("\\s+");
  const beginsAWord = /^[\p{L}\p{N}]/u.test(words[0]) && !NO_BLANKS_BETWEEN_WORDS.test(words[0]);
  return new RegExp(beginsAWord ? `(?<![\\p{L}\\p{N}])${spelled}` : spelled, "giu");
};

const NEAR = 60;

/** Where words are said, at most `most` places, in order: `{from, to, paragraph, before, words, after}`. */
export const wordsIn = (places, query, most) => {
  const pattern = wordsPattern(query);
  const found = [];
  if (!pattern) return found;
  for (const [number, paragraph] of places.paragraphs.entries()) {
    const text = paragraph.textContent;
    for (const match of text.matchAll(pattern)) {
      if (found.length === most) return found;
      const end = match.index + match[0].length;
      const from = places.starts[number] + points(text.slice(0, match.index));
      found.push({
        from,
        to: from + points(match[0]),
        paragraph,
        before: near(text.slice(0, match.index), true),
        words: match[0],
        after: near(text.slice(end), false),
      });
    }
  }
  return found;
};

const near = (text, isBefore) => {
  const signs = [...(isBefore ? text.slice(-2 * NEAR) : text.slice(0, 2 * NEAR))];
  if (signs.length <= NEAR) return text;
  const cut = (isBefore ? signs.slice(-NEAR) : signs.slice(0, NEAR)).join("");
  const blank = isBefore ? cut.indexOf(" ") : cut.lastIndexOf(" ");
  if (blank < 0) return isBefore ? `…${cut}` : `${cut}…`;
  return isBefore ? `…${cut.slice(blank + 1)}` : `${cut.slice(0, blank)}…`;
};
