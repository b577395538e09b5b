/* The basket: quotes that a reader keeps while searching. It lives in this browser's localStorage; no server knows it.

   list()            the entries, in the reader's order
   has(entry)        is it in the basket?
   add(entry)        puts it at the end; false where it is there already, the basket is full, or the browser keeps nothing
   remove(entry)     takes it out; an entry or its key
   replace(entries)  sets the whole basket: to reorder, to clear, to undo
   key(entry)        what tells entries apart: episode and offsets
   onchange(listen)  calls listen(entries) after every change, in other tabs too; returns a function that stops it
   showButtons(root) brings the buttons below an element up to date; call it for HTML that was put in later

   An entry is {passage, episode, char_start, char_end, text, speaker, role, title, show, date, link}: the ids, the place in
   the episode's canonical text (code points), and what is needed to show it. The words that count are the server's.

   A page needs no script for a button: <button type="button" data-basket-entry="{JSON of an entry}">. A click puts it in
   or takes it out. Every element with data-basket-count shows how many there are. */

export const MAX = 500;
const PLACE = "onrecord.basket";
const listeners = new Set();

export function key(entry) {
  return `${entry.episode}:${entry.char_start}-${entry.char_end}`;
}

export function list() {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE));
    return Array.isArray(kept) ? kept.filter(isEntry) : [];
  } catch {
    return []; // Nothing readable is kept, or the browser does not let us look.
  }
}

export function has(entry) {
  return list().some((other) => key(other) === key(entry));
}

export function add(entry) {
  const entries = list();
  if (entries.length >= MAX || entries.some((other) => key(other) === key(entry))) return false;
  return replace([...entries, entry]);
}

export function remove(entryOrKey) {
  const gone = typeof entryOrKey === "string" ? entryOrKey : key(entryOrKey);
  return replace(list().filter((entry) => key(entry) !== gone));
}

export function replace(entries) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(entries));
  } catch {
    return false; // Full, or forbidden.
  }
  changed();
  return true;
}

export function onchange(listen) {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

export function showButtons(root = document) {
  const keys = new Set(list().map(key));
  for (const button of root.querySelectorAll("button[data-basket-entry]")) {
    const inside = keys.has(key(JSON.parse(button.dataset.basketEntry)));
    button.textContent = inside ? "In basket – remove" : "Add to basket";
    button.classList.toggle("chosen", inside);
  }
}

function isEntry(entry) {
  return typeof entry?.episode === "string" && Number.isInteger(entry.char_start) && Number.isInteger(entry.char_end);
}

function changed() {
  const entries = list();
  for (const element of document.querySelectorAll("[data-basket-count]")) {
    element.textContent = entries.length ? String(entries.length) : "";
  }
  showButtons();
  for (const listen of listeners) listen(entries);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-basket-entry]");
  if (!button) return;
  const entry = JSON.parse(button.dataset.basketEntry);
  const done = has(entry) ? remove(entry) : add(entry);
  if (!done) button.textContent = list().length >= MAX ? `The basket is full (${MAX})` : "This browser keeps nothing";
});
window.addEventListener("storage", (event) => {
  if (event.key === PLACE || event.key === null) changed();
});
window.addEventListener("pageshow", changed); // Also when a page comes back out of the browser's cache.
changed();
