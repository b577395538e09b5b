/* Checks a draft without leaving the page, repairs it, and hands it out.

   The server marks the draft; the marked text is the draft, letter for letter. A repair changes the words of a mark, so
   that no place has to be counted, and the same button puts the draft's own words back. */

const form = document.getElementById("draft-form");
const field = document.getElementById("draft");
const file = document.getElementById("draft-file");
const status = document.getElementById("draft-status");
const KEPT = "onrecord.draft";
let asked = 0;

/* Checks what is in the field, or a file, whose words go into the field. */
async function check(chosen = null, done = () => {}) {
  const mine = ++asked;
  const text = field.value;
  if (!chosen && !text.trim()) return say("There is nothing in the draft yet.");
  if (!chosen) keep(text);
  say(chosen ? `Reading ${chosen.name} …` : "Checking …");
  let page;
  try {
    page = await answer(chosen ?? text);
  } catch (error) {
    if (mine === asked) say(error.message);
    return;
  }
  if (mine !== asked) return;
  const found = page.getElementById("draft");
  document.getElementById("checked").replaceWith(page.getElementById("checked"));
  say("");
  if (!marked() && !document.getElementById("summary")) return;
  if (field.value === text) field.value = found.value;
  field.rows = found.rows;
  keep(field.value);
  done();
  document.getElementById("summary").focus();
}

async function answer(draft) {
  const type = typeof draft === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
  let response;
  try {
    response = await fetch("/verify", { method: "POST", headers: { "Content-Type": type }, body: draft });
  } catch {
    throw new Error("The service does not answer. Is it still running?");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `The service answered ${response.status}.`);
  }
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function say(text) {
  status.textContent = text;
}

function keep(text) {
  try {
    sessionStorage.setItem(KEPT, text);
  } catch {
    // Without a place to keep it, the draft is gone when the page is left.
  }
}

function marked() {
  return document.getElementById("marked");
}

/* The parts of the draft that a button of a card changes: its quotation's words, or the name it is given to. */
function parts(button) {
  const number = button.closest("[data-quote]").dataset.quote;
  const kind = button.dataset.repair;
  return document.querySelectorAll(`#marked [data-${kind}~="${number}"]`);
}

async function repair(button) {
  if (field.value !== marked().textContent) {
    await check();
    return say("The draft was changed above, so it was checked again.");
  }
  const undo = button.getAttribute("aria-pressed") === "true";
  const card = button.closest("[data-quote]");
  button.dataset.label ??= button.textContent;
  parts(button).forEach((part, place) => {
    part.dataset.before ??= part.textContent;
    part.textContent = undo ? part.dataset.before : place ? "" : button.dataset.text;
    part.classList.toggle("mended", !undo);
  });
  button.setAttribute("aria-pressed", String(!undo));
  button.textContent = undo ? button.dataset.label : "Put the draft’s own back";
  card.classList.toggle("mended", !undo);
  field.value = marked().textContent;
  keep(field.value);
  reveal(card);
  say(undo ? `Quotation ${card.dataset.quote} is as it was.` : `Quotation ${card.dataset.quote} is repaired.`);
}

/* Brings a quotation of the draft into view beside its card. */
function reveal(card) {
  for (const mark of document.querySelectorAll(".quotation.current")) mark.classList.remove("current");
  const mark = document.getElementById(`m${card.dataset.quote}`);
  const pane = mark.closest(".pane");
  mark.classList.add("current");
  if (pane.scrollHeight <= pane.clientHeight) return;
  const place = mark.getBoundingClientRect(), frame = pane.getBoundingClientRect();
  if (place.top < frame.top || place.bottom > frame.bottom) pane.scrollTop += place.top - frame.top - pane.clientHeight / 3;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(field.value);
    say("The draft is on the clipboard.");
  } catch {
    say("The browser does not let this page copy. Download the draft, or copy it from the field above.");
  }
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([field.value], { type: "text/plain;charset=utf-8" }));
  link.download = form.dataset.name ?? "draft.md";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/* The server reads a file, whatever its kind, and gives its words as Markdown. */
async function read(chosen) {
  const name = chosen.name;
  await check(chosen, () => {
    form.dataset.name = /\.(md|markdown|txt|text)$/i.test(name) ? name : `${name.replace(/\.[^.]*$/, "")}.md`;
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  check();
});
file.addEventListener("change", () => {
  if (file.files.length) read(file.files[0]);
  file.value = "";
});
form.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  form.classList.add("over");
});
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  form.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  read(event.dataTransfer.files[0]);
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a.quotation, a.place");
  if (!target) return;
  if (target.dataset.repair) repair(target);
  else if (target.id === "copy-draft") copy();
  else if (target.id === "save-draft") save();
  else if (target.id === "recheck") check();
  else if (target.matches("a.quotation")) {
    event.preventDefault();
    const card = document.getElementById(`q${target.dataset.number}`);
    card.scrollIntoView({ block: "nearest" });
    card.focus();
  } else if (target.matches("a.place")) {
    event.preventDefault();
    document.getElementById(`m${target.closest("[data-quote]").dataset.quote}`).focus();
  }
});
document.addEventListener("focusin", (event) => {
  const card = event.target.closest("[data-quote]");
  if (card) reveal(card);
});
document.addEventListener("change", (event) => {
  if (event.target.id === "only-open") document.getElementById("checked").classList.toggle("only-open", event.target.checked);
});

if (!field.value) {
  try {
    field.value = sessionStorage.getItem(KEPT) ?? "";
  } catch {
    // Nothing was kept.
  }
  if (field.value) check();
}
