/* The search page as one types. Every search is an address: what the server makes of it is put in place of what is shown,
   so that the page is made in one place, and back, forward and reload need nothing else.

   Typing searches after a pause, Enter and filters at once; typing fills one entry of the history, whatever its length. */

import { showButtons } from "./basket.js";

const PAUSE_MS = 180;
const SHORTEST = 3;

const form = document.querySelector("form[role=search]");
const box = form.elements.query;
const found = document.getElementById("found");
const said = document.getElementById("said");
const trouble = document.getElementById("trouble");

let asking = null; // The search whose answer is awaited: {target, typed, abort}.
let waiting = 0; // The timer of the pause.
let typing = false; // Whether the address on show was made by typing.

function address() {
  const filled = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
  return filled.some(([name]) => name === "query") ? `/?${new URLSearchParams(filled)}` : "/";
}

/** Shows what the server says at an address; `enter` puts the address into the history once its answer is there. */
async function show(target, enter, typed = false) {
  clearTimeout(waiting);
  asking?.abort.abort();
  const mine = (asking = { target, typed, abort: new AbortController() });
  found.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(target, { signal: mine.abort.signal });
    const text = await response.text();
    if (!response.ok) throw new Error(whatIsWrong(response, text));
    enter?.(target);
    typing = mine.typed;
    swap(new DOMParser().parseFromString(text, "text/html"));
    trouble.replaceChildren();
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    const note = document.createElement("p");
    note.className = "note bad";
    note.textContent = `The search failed: ${error.message}`;
    trouble.replaceChildren(note);
    return false;
  } finally {
    if (mine === asking) {
      asking = null;
      found.removeAttribute("aria-busy");
    }
  }
}

function whatIsWrong(response, text) {
  const isProblem = response.headers.get("content-type")?.includes("problem+json");
  return isProblem ? JSON.parse(text).detail : `the server says ${response.status}`;
}

function swap(page) {
  const open = new Set([...found.querySelectorAll("details[data-keep][open]")].map((details) => details.dataset.keep));
  const focused = found.contains(document.activeElement) ? document.activeElement.dataset.key ?? "" : null;
  const fresh = page.getElementById("found");
  for (const details of fresh.querySelectorAll("details[data-keep]")) details.open = open.has(details.dataset.keep);
  found.replaceChildren(...fresh.childNodes);
  document.getElementById("kept").replaceChildren(...page.getElementById("kept").childNodes);
  document.title = page.title;
  said.textContent = document.getElementById("summary")?.textContent ?? "";
  showButtons(found);
  if (focused !== null) refocus(focused);
}

/** The focus stays where it was, or goes to the heading of what is new. */
function refocus(key) {
  const same = key && found.querySelector(`[data-key="${CSS.escape(key)}"]`);
  (same || found.querySelector("[data-focus]") || box).focus({ preventScroll: Boolean(same) });
}

/** The form as the address on show has it; what is being typed stays. */
function fill() {
  const parameters = new URLSearchParams(location.search);
  box.value = parameters.get("query") ?? "";
  for (const picker of form.querySelectorAll("select")) {
    const wanted = parameters.get(picker.name) ?? "";
    picker.value = [...picker.options].some((option) => option.value === wanted) ? wanted : "";
  }
}

function push(target) {
  history.replaceState({ scroll: scrollY }, "");
  history.pushState(null, "", target);
}

function search({ typed }) {
  const target = address();
  if (asking?.target === target) {
    asking.typed &&= typed;
  } else if (!asking && target === location.pathname + location.search) {
    clearTimeout(waiting);
    typing &&= typed;
  } else {
    show(target, typing ? (to) => history.replaceState(null, "", to) : push, typed);
  }
}

box.addEventListener("input", (event) => {
  clearTimeout(waiting);
  const length = box.value.trim().length;
  if (event.isComposing || (length > 0 && length < SHORTEST)) return;
  waiting = setTimeout(() => search({ typed: true }), PAUSE_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search({ typed: false });
});
for (const picker of form.querySelectorAll("select")) {
  picker.addEventListener("change", () => search({ typed: false }));
}

found.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-state]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const paged = link.rel;
  if (!(await show(link.pathname + link.search, push))) return;
  fill();
  if (paged) found.querySelector("[data-focus]")?.focus();
  if (paged) scrollTo(0, 0);
});

addEventListener("popstate", async (event) => {
  fill();
  if (await show(location.pathname + location.search, null)) scrollTo(0, event.state?.scroll ?? 0);
});

/** Arrow keys go from quote to quote, but only from the box or from a quote's own link: elsewhere they scroll. */
document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.metaKey || event.ctrlKey || event.altKey || event.shiftKey) return;
  const quotes = [...found.querySelectorAll(".hit h3 a.to")];
  const at = quotes.indexOf(document.activeElement);
  if (at < 0 && document.activeElement !== box) return;
  if (event.key === "ArrowDown" && at + 1 < quotes.length) go(event, quotes[at + 1]);
  if (event.key === "ArrowUp" && at >= 0) go(event, quotes[at - 1] ?? box);
  if (event.key === "Escape" && at >= 0) go(event, box);
});

function go(event, element) {
  event.preventDefault();
  element.focus({ preventScroll: true });
  (element.closest(".hit") ?? element).scrollIntoView({ block: "nearest" });
}
