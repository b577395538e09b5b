/* The basket's page. Which quotes are kept, and their order, stands in basket.js; their words come from the server. */

import { key, list, onchange, replace } from "/static/basket.js";

const tools = document.getElementById("basket-tools");
const empty = document.getElementById("basket-empty");
const items = document.getElementById("basket-list");
const undo = document.getElementById("basket-undo");
const format = document.getElementById("basket-format");
const AT_ONCE = 250_000; // UTF-16 units of text in one request: less than the largest body in any script.
let before = null;
let dragged = null;
let asked = 0;

/* Shows the basket as it is kept; asks the server for entries that are not on the page yet. */
async function show() {
  const mine = ++asked;
  const entries = list();
  empty.hidden = entries.length > 0;
  tools.hidden = entries.length === 0;
  const unknown = entries.filter((entry) => !item(key(entry)));
  if (unknown.length) {
    let found;
    try {
      found = (await Promise.all(parts(unknown).map(described))).flat();
    } catch (error) {
      if (mine === asked) say(error.message);
      return;
    }
    if (mine !== asked) return;
    items.append(...found);
    if (follow()) return;
  }
  arrange(entries);
  count();
}

function item(name) {
  return items.querySelector(`:scope > [data-key="${CSS.escape(name)}"]`);
}

/* Entries whose words are found at another place of a changed transcript are kept with that place from now on. */
function follow() {
  const moved = new Map();
  for (const element of items.querySelectorAll('[data-status="moved"]:not([data-followed])')) {
    moved.set(element.dataset.key, element);
  }
  if (!moved.size) return false;
  const entries = list().map((entry) => {
    const element = moved.get(key(entry));
    if (!element) return entry;
    const there = { ...entry, char_start: Number(element.dataset.start), char_end: Number(element.dataset.end) };
    element.dataset.key = key(there);
    element.dataset.followed = "";
    return there;
  });
  const first = new Map(entries.map((entry) => [key(entry), entry]));
  return replace([...first.values()]);
}

/* The items in the order of the entries; what is not kept any more goes. */
function arrange(entries) {
  const wanted = entries.map((entry) => item(key(entry))).filter(Boolean);
  for (const element of [...items.children]) if (!wanted.includes(element)) element.remove();
  wanted.forEach((element, place) => {
    if (items.children[place] !== element) items.insertBefore(element, items.children[place] ?? null);
    element.querySelector('[data-move="-1"]').disabled = place === 0;
    element.querySelector('[data-move="1"]').disabled = place === wanted.length - 1;
    const words = element.querySelector("blockquote").textContent.slice(0, 60);
    for (const button of element.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent}: ${words}`);
  });
}

function parts(entries) {
  const groups = [[]];
  let size = 0;
  for (const entry of entries) {
    const length = entry.text?.length ?? 0;
    if (size + length > AT_ONCE && groups.at(-1).length) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1).push(entry);
    size += length;
  }
  return groups;
}

function quote(entry) {
  const words = typeof entry.text === "string" && entry.text.length <= AT_ONCE ? { text: entry.text } : {};
  return { episode: entry.episode, char_start: entry.char_start, char_end: entry.char_end, ...words };
}

async function described(entries) {
  const answer = await post("/basket", { quotes: entries.map(quote) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [...page.querySelectorAll("#basket-list > li")].map((element) => document.adoptNode(element));
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The service does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `The service answered ${answer.status}.`);
}

/* The entries that can be exported: those whose words stand in the archive. */
function exportable() {
  return list().filter((entry) => ["kept", "moved"].includes(item(key(entry))?.dataset.status));
}

async function exported(name, style) {
  const quotes = exportable();
  if (!quotes.length) throw new Error("None of these quotes stands in the archive any more.");
  const places = quotes.map(({ episode, char_start, char_end }) => ({ episode, char_start, char_end }));
  return post("/v1/export", { format: name, ...(style && { style }), quotes: places });
}

async function save() {
  const chosen = format.selectedOptions[0];
  const answer = await exported(chosen.value, chosen.dataset.style);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "quotes";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
  say(`${named(exportable().length)} saved as ${link.download}.`);
}

async function copy() {
  const text = await (await exported("markdown")).text();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Error("The browser does not let this page copy. Download the quotes instead.");
  }
  say(`${named(exportable().length)} on the clipboard.`);
}

/* Sets the basket, and keeps what it was for Undo. */
function change(entries, text) {
  before = list();
  if (replace(entries)) say(text, true);
  else say("This browser does not keep the change.");
}

function move(element, to) {
  const entries = list();
  const from = entries.findIndex((entry) => key(entry) === element.dataset.key);
  const place = Math.max(0, Math.min(entries.length - 1, to));
  if (from < 0 || from === place) return;
  entries.splice(place, 0, ...entries.splice(from, 1));
  change(entries, `Moved to place ${place + 1} of ${entries.length}.`);
}

function act(button) {
  const element = button.closest(".kept");
  const place = [...items.children].indexOf(element);
  if (button.dataset.move) {
    move(element, place + Number(button.dataset.move));
    const other = element.querySelector(`[data-move="${-button.dataset.move}"]`);
    (button.disabled ? other : button).focus();
    element.scrollIntoView({ block: "nearest" });
  } else {
    change(list().filter((entry) => key(entry) !== element.dataset.key), "One quote was removed.");
    undo.focus();
  }
}

function say(text, canUndo = false) {
  document.getElementById("basket-status").textContent = text;
  undo.hidden = !canUndo;
}

function count() {
  const total = list().length, lost = total - exportable().length;
  document.getElementById("basket-count").textContent = total
    ? `${named(total)}, in this browser alone.${lost ? ` ${lost} of them cannot be exported.` : ""}`
    : "";
}

function named(number) {
  return number === 1 ? "1 quote" : `${number} quotes`;
}

function attempt(work) {
  work().catch((error) => say(error.message));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.move || "remove" in button.dataset) act(button);
  else if (button.id === "basket-save") attempt(save);
  else if (button.id === "basket-copy") attempt(copy);
  else if (button.id === "basket-clear") {
    const gone = list().length;
    change([], `${named(gone)} removed.`);
    undo.focus();
  } else if (button === undo) {
    replace(before);
    say("The basket is as it was.");
    (items.querySelector("button:enabled") ?? document.getElementById("main")).focus();
  }
});

items.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".handle")?.closest(".kept") ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.querySelector("blockquote").textContent);
  event.dataTransfer.setDragImage(dragged, 0, 0);
  dragged.classList.add("dragged");
});
items.addEventListener("dragover", (event) => {
  const over = event.target.closest?.(".kept");
  if (!dragged || !over) return;
  event.preventDefault();
  for (const element of items.children) element.classList.toggle("over", element === over && element !== dragged);
});
items.addEventListener("drop", (event) => {
  const over = event.target.closest?.(".kept");
  if (!dragged || !over) return;
  event.preventDefault();
  move(dragged, [...items.children].indexOf(over));
});
items.addEventListener("dragend", () => {
  for (const element of items.children) element.classList.remove("over", "dragged");
  dragged = null;
});

onchange(show);
show();
