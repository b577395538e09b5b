// The reader: finds words and meanings in the transcript, walks through the hits, and cites what is chosen.

import { showButtons } from "/static/basket.js";
import { copy } from "/static/clipboard.js";
import { Places, wordsIn } from "/static/places.js";

const MOST_HITS = 1000;
const reader = document.querySelector(".reader");
const episode = reader.dataset.episode;
const address = `/episodes/${encodeURIComponent(episode)}`;
const transcript = reader.querySelector(".transcript");
const places = new Places(transcript);

const highlight = (name, ranges) => {
  if (!CSS.highlights) return;
  if (ranges.length) CSS.highlights.set(name, new Highlight(...ranges));
  else CSS.highlights.delete(name);
};

const bring = (range) => {
  const turn = range.startContainer.parentElement.closest(".turn");
  // A turn that was not on screen yet has its true height only once it is rendered.
  turn.scrollIntoView({ block: "center" });
  const box = range.getBoundingClientRect();
  const room = window.innerHeight;
  window.scrollBy({ top: box.top - Math.max((room - box.height) / 2, room / 5), behavior: "instant" });
};

// Searching inside

const form = reader.querySelector(".inside form");
const field = form.elements.namedItem("query");
const found = reader.querySelector("[data-found]");
const steps = reader.querySelector(".steps");
const count = steps.querySelector(".count");
const row = document.getElementById("hit-row").content;
let hits = [];
let current = -1;
let shown = "";
let request = null;

const by = () => form.elements.namedItem("by").value;
const asked = () => new URLSearchParams({ query: field.value, by: by() }).toString();

const take = () => {
  hits = [...found.querySelectorAll("a[data-from]")].map((link) => ({
    link,
    from: Number(link.dataset.from),
    to: Number(link.dataset.to),
  }));
  for (const hit of hits) hit.range = places.range(hit.from, hit.to);
  current = -1;
  steps.hidden = hits.length === 0;
  highlight("hits", hits.map((hit) => hit.range));
  highlight("hit", []);
  count.textContent = hits.length ? told() : "";
};

const told = () => {
  const many = hits.length === MOST_HITS ? `the first ${MOST_HITS}` : hits.length;
  if (current < 0) return `${many} ${hits.length === 1 ? "hit" : "hits"}`;
  return `${current + 1} of ${many}`;
};

const go = (number) => {
  if (!hits.length) return;
  hits[current]?.link.removeAttribute("aria-current");
  current = (number + hits.length) % hits.length;
  const { link, range } = hits[current];
  link.setAttribute("aria-current", "true");
  found.scrollTop = link.offsetTop - found.clientHeight / 3;
  highlight("hit", [range]);
  count.textContent = told();
  bring(range);
};

const step = (by) => go(current < 0 && by < 0 ? -1 : current + by);

/** Marks that came with the page make way for those of a new search. */
const unmark = () => {
  for (const mark of transcript.querySelectorAll("mark.here")) {
    if (mark.classList.contains("quote")) mark.classList.remove("here");
    else mark.replaceWith(...mark.childNodes);
  }
  transcript.normalize();
};

const showWords = (query) => {
  const list = document.createElement("ol");
  for (const place of wordsIn(places, query, MOST_HITS)) {
    const item = row.cloneNode(true);
    const link = item.querySelector("a");
    const turn = place.paragraph.closest(".turn");
    const time = turn.querySelector(".time")?.textContent;
    link.dataset.from = place.from;
    link.dataset.to = place.to;
    link.href = `?${asked()}&from=${place.from}&to=${place.to}#quote`;
    const name = link.querySelector("bdi");
    name.textContent = turn.querySelector(".pick").textContent;
    if (time) name.after(` · ${time}`);
    const [before, words, after] = [place.before, place.words, place.after];
    const bold = link.querySelector("b");
    bold.textContent = words;
    bold.before(before);
    bold.after(after);
    list.append(item);
  }
  if (list.children.length) {
    found.replaceChildren(list);
    return;
  }
  const none = document.createElement("p");
  none.className = "none";
  const link = document.createElement("a");
  link.href = `?${new URLSearchParams({ query, by: "meaning" })}`;
  link.textContent = "Search by meaning";
  none.append("Nobody says this here, spelled so. ", link);
  found.replaceChildren(none);
};

const showMeaning = async () => {
  request?.abort();
  request = new AbortController();
  const response = await fetch(`${address}/hits?${asked()}`, { signal: request.signal });
  if (!response.ok) throw new Error((await response.json()).detail);
  const fragment = new DOMParser().parseFromString(await response.text(), "text/html");
  found.replaceChildren(...fragment.body.childNodes);
};

const search = async ({ goes }) => {
  shown = asked();
  unmark();
  try {
    if (by() === "words") showWords(field.value);
    else await showMeaning();
  } catch (error) {
    if (error.name === "AbortError") return;
    const none = document.createElement("p");
    none.className = "none";
    none.textContent = `This could not be searched: ${error.message}`;
    found.replaceChildren(none);
  }
  take();
  if (!hits.length) count.textContent = "";
  history.replaceState(null, "", `?${shown}`);
  if (goes) go(0);
};

const clear = () => {
  unmark();
  field.value = "";
  shown = "";
  found.replaceChildren();
  take();
  history.replaceState(null, "", address);
  field.focus();
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asked() === shown && hits.length) step(1);
  else search({ goes: true });
});
form.addEventListener("change", (event) => {
  if (event.target.name === "by" && field.value.trim()) search({ goes: true });
});
field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!hits.length) return;
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && event.shiftKey && asked() === shown) {
    event.preventDefault();
    step(-1);
  }
});
steps.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.step) step(Number(button.dataset.step));
  else if (button) clear();
});
found.addEventListener("click", (event) => {
  const number = hits.findIndex((hit) => hit.link === event.target.closest("a"));
  if (number < 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(number);
});

// Choosing words, and citing them

const bar = reader.querySelector(".citing");
const says = bar.querySelector(".citing-says");
const basket = bar.querySelector("[data-basket]");
const style = bar.querySelector("[data-style]");
let chosen = null;
let cameFrom = null;

/** The beginning and the end of what is chosen, by whole words. */
const brief = (words) => {
  const signs = [...words];
  if (signs.length <= 100) return words;
  const opening = signs.slice(0, 55).join("").replace(/\s\S*$/u, "");
  const closing = signs.slice(-40).join("").replace(/^\S*\s/u, "");
  return `${opening} … ${closing}`;
};

const choose = (covered) => {
  chosen = covered;
  const words = covered.words.replace(/\s+/gu, " ");
  bar.querySelector("[data-words]").textContent = brief(words);
  says.textContent = "";
  offerBasket(covered);
  bar.hidden = false;
  document.documentElement.classList.add("has-chosen");
};

/** A basket holds quotes of one person each. */
const offerBasket = ({ from, to, words }) => {
  const turn = places.paragraphs[places.holding(from)].closest(".turn");
  basket.hidden = turn !== places.paragraphs[places.holding(to - 1)].closest(".turn");
  const told = transcript.dataset;
  const entry = {
    passage: null,
    episode,
    char_start: from,
    char_end: to,
    text: words,
    speaker: turn.querySelector(".pick bdi")?.textContent ?? null,
    role: ["host", "guest"].find((role) => turn.classList.contains(role)) ?? "unknown",
    title: told.title,
    show: told.show ?? null,
    date: told.date ?? null,
    link: `${address}?from=${from}&to=${to}#quote`,
  };
  basket.dataset.basketEntry = JSON.stringify(entry);
  showButtons(bar);
};

const chooseNothing = () => {
  chosen = null;
  bar.hidden = true;
  document.documentElement.classList.remove("has-chosen");
};

const chooseSelection = () => {
  const selection = getSelection();
  if (selection.rangeCount && !selection.isCollapsed && transcript.contains(selection.getRangeAt(0).commonAncestorContainer)) {
    const covered = places.covered(selection.getRangeAt(0));
    if (covered) {
      if (covered.from !== chosen?.from || covered.to !== chosen?.to) choose(covered);
      return;
    }
  }
  if (chosen && !bar.contains(document.activeElement)) chooseNothing();
};

const chooseTurn = (turn) => {
  const said = turn.querySelectorAll(".said");
  const range = new Range();
  range.setStart(said[0], 0);
  range.setEnd(said[said.length - 1], said[said.length - 1].childNodes.length);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  chooseSelection();
};

const citation = async () => {
  const query = new URLSearchParams({ char_start: chosen.from, char_end: chosen.to, style: style.value });
  const response = await fetch(`/v1/episodes/${encodeURIComponent(episode)}/citation?${query}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? answer.detail);
  return answer.paste;
};

const tell = async (copying, done) => {
  try {
    await copying;
    says.textContent = done;
  } catch (error) {
    says.textContent = `Not copied: ${error.message}.`;
  }
};

const copyCitation = () => {
  if (!chosen) return;
  says.textContent = "";
  tell(copy(citation(), ["chicago", "apa", "mla"].includes(style.value)), "Copied, with its citation.");
};

const copyLink = () => {
  const text = `${location.origin}${address}?from=${chosen.from}&to=${chosen.to}#quote`;
  tell(copy(Promise.resolve({ text, html: null })), "Link copied.");
};

let waiting = 0;
document.addEventListener("selectionchange", () => {
  clearTimeout(waiting);
  waiting = setTimeout(chooseSelection, 120);
});
// A press on a button must not take the selection away, which shows what is chosen.
bar.addEventListener("pointerdown", (event) => {
  if (event.target.closest("button")) event.preventDefault();
});
bar.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("copy" in button.dataset) copyCitation();
  else if ("link" in button.dataset) copyLink();
  else if ("close" in button.dataset) leave();
});
transcript.addEventListener("click", (event) => {
  const pick = event.target.closest(".pick");
  if (!pick || event.metaKey || event.ctrlKey || event.shiftKey) return;
  cameFrom = pick;
  chooseTurn(pick.closest(".turn"));
});

const leave = () => {
  if (!chosen) return;
  const wasInside = bar.contains(document.activeElement);
  chooseNothing();
  getSelection().removeAllRanges();
  if (wasInside) (cameFrom ?? transcript.querySelector(".pick")).focus({ preventScroll: true });
};

style.value = remembered("onrecord.style") ?? style.value;
if (!style.value) style.selectedIndex = 0;
style.addEventListener("change", () => {
  says.textContent = "";
  remember("onrecord.style", style.value);
});

// The keyboard

const keys = reader.querySelector(".keys");
const single = keys.querySelector("[data-keys]");

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing depends on it.
  }
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

const ACTIONS = {
  n: () => step(1),
  p: () => step(-1),
  c: copyCitation,
  "/": () => {
    field.focus();
    field.select();
  },
};
keys.hidden = false;
single.checked = remembered("onrecord.keys") !== "off";
single.addEventListener("change", () => remember("onrecord.keys", single.checked ? "on" : "off"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    leave();
    return;
  }
  const isTyping = event.target.closest("input:not([type=radio], [type=checkbox]), select, textarea");
  if (!single.checked || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!Object.hasOwn(ACTIONS, event.key)) return;
  event.preventDefault();
  ACTIONS[event.key]();
});

// What the address asks for

if (found.childElementCount) {
  shown = asked();
  take();
}
const quote = document.getElementById("quote");
if (quote && location.hash === "#quote") {
  const range = new Range();
  range.selectNodeContents(quote);
  bring(range);
  current = hits.findIndex((hit) => hit.range.compareBoundaryPoints(Range.START_TO_START, range) === 0);
  if (current >= 0) go(current);
}
