// Keys, declared on what they press: <button data-key="a">, data-key="g g", data-key="mod+enter".
// They rest while somebody types, in dialogs, with modifiers and while an answer is awaited.

const SEQUENCE_MS = 1000;
const LEAVING_MS = 5000;
const TYPING =
  'textarea, select, [contenteditable=""], [contenteditable="true"], input:not([type="checkbox"], ' +
  '[type="radio"], [type="button"], [type="submit"], [type="reset"], [type="range"], [type="file"])';
const PRESSES_ITSELF = "a[href], button, summary, input, [role=button]";
const IS_MAC = /mac|iphone|ipad/i.test(navigator.platform);
const NAMES = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Enter: "↵",
  enter: "↵",
  Escape: "Esc",
  mod: IS_MAC ? "⌘" : "Ctrl",
};

const bound = new Map(); // key or sequence -> { label, action, decides }
let pending = "";
let pendingTimer = 0;
let leaving = false;

/** Bind `spec` to a function; an element on the page with the same data-key comes first. */
export function bind(spec, label, action, { decides = false } = {}) {
  bound.set(spec, { label, action, decides });
}

export function start() {
  document.addEventListener("keydown", onKey);
  // A form was sent and the next page is on its way: nothing more is decided on this one.
  addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "dialog" || event.target.target) return;
    leaving = true;
    setTimeout(() => (leaving = false), LEAVING_MS);
  });
  addEventListener("pageshow", () => (leaving = false));
}

const shown = (element) =>
  !element.disabled &&
  element.getAttribute("aria-disabled") !== "true" &&
  (element.checkVisibility?.() ?? element.offsetParent !== null);

/** What each key of the page does now: spec -> { label, action, decides }. */
function actions() {
  const found = new Map(bound);
  const seen = new Set();
  for (const element of document.querySelectorAll("[data-key]")) {
    const spec = element.dataset.key;
    if (seen.has(spec) || !shown(element)) continue;
    seen.add(spec);
    found.set(spec, {
      label: labelOf(element),
      action: () => press(element),
      decides: "keyDecides" in element.dataset,
    });
  }
  return found;
}

function labelOf(element) {
  const given = element.dataset.keyLabel ?? element.getAttribute("aria-label");
  if (given) return given;
  const copy = (element.querySelector(":scope > summary") ?? element).cloneNode(true);
  for (const kbd of copy.querySelectorAll("kbd")) kbd.remove();
  return copy.textContent.trim().replace(/\s+/g, " ") || element.title || element.dataset.key;
}

function press(element) {
  if (element instanceof HTMLDetailsElement) {
    element.open = !element.open;
    element.querySelector("summary")?.focus();
  } else if (element.matches(TYPING)) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

/** Whether an answer is awaited; a poll in the background is not waited for. */
function waiting() {
  return (
    leaving ||
    [...document.querySelectorAll(".htmx-request")].some(
      (element) => !/^\s*every\b/.test(element.getAttribute("hx-trigger") ?? ""),
    )
  );
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing) return;
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return;
  if (document.querySelector("dialog[open]")) return;

  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    onModified(event, target);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches(TYPING)) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const key = event.key === " " ? "Space" : event.key;
  if ((key === "Space" || key === "Enter") && target.closest(PRESSES_ITSELF)) return;
  if (key === "?") {
    event.preventDefault();
    openSheet();
    return;
  }
  if (waiting()) return;
  onPlain(event, key);
}

function onModified(event, target) {
  if (event.key !== "Enter" || event.repeat || waiting()) return;
  const own = target.closest("form")?.querySelector('[data-key="mod+enter"]');
  const action = own && shown(own) ? () => press(own) : actions().get("mod+enter")?.action;
  if (!action) return;
  event.preventDefault();
  action();
}

function onPlain(event, key) {
  const all = actions();
  const goesOn = (sequence) => [...actions().keys()].some((spec) => spec.startsWith(`${sequence} `));
  for (const attempt of pending ? [`${pending} ${key}`, key] : [key]) {
    const found = all.get(attempt);
    if (!found && !goesOn(attempt)) continue;
    event.preventDefault();
    if (found?.decides && event.repeat) return;
    found?.action();
    // Asked again after the action: it may have opened the list the sequence goes on in.
    remember(goesOn(attempt) ? attempt : "", { waits: Boolean(found) });
    return;
  }
  remember("");
}

/** Keep the beginning of a sequence: for a second, or, where it did something (opened a list of
 * reasons), until another key is pressed. */
function remember(sequence, { waits = false } = {}) {
  pending = sequence;
  clearTimeout(pendingTimer);
  if (sequence && !waits) pendingTimer = setTimeout(() => (pending = ""), SEQUENCE_MS);
}

/** Show all keys of the page. */
export function openSheet() {
  const sheet = document.getElementById("keys-sheet");
  if (!sheet || sheet.open) return;
  const rows = [...actions()]
    .filter(([spec]) => spec !== "?")
    .map(([spec, { label }]) => row(spec, label));
  rows.push(row("?", "This sheet"));
  sheet.querySelector("dl").replaceChildren(...rows);
  sheet.showModal();
}

function row(spec, label) {
  const line = document.createElement("div");
  const name = document.createElement("dt");
  const keysOf = document.createElement("dd");
  name.textContent = label;
  for (const part of spec.split(/[ +]/)) {
    const kbd = document.createElement("kbd");
    kbd.textContent = NAMES[part] ?? part;
    keysOf.append(kbd, " ");
  }
  line.append(name, keysOf);
  return line;
}
