// Formulas in elements marked `data-math` that hold nothing but text: set when they come near the
// window. Traces are hostile: nodes are built, never markup; lengths and counts are limited; what
// cannot be set stays as its source, in amber.

export const LONGEST_FORMULA = 2000;
export const MOST_FORMULAS = 200;
const MOST_SEARCHED = 1_000_000;
const FRAME_MS = 10;
const CACHE_SIZE = 4000;
const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: "ignore",
  maxExpand: 1000,
  maxSize: 25,
  errorColor: "currentcolor",
};

// ---- Finding formulas (pure) ---------------------------------------------------------------------

// Characters looked at for closings in one text: openings without end would freeze the page.
let searched = 0;

/** Where `close` stands at or after `from`, outside braces and not escaped; -1 if nowhere. */
function findClose(text, close, from) {
  let depth = 0;
  const last = Math.min(text.length, from + LONGEST_FORMULA * 4);
  for (let at = from; at < last; at += 1) {
    searched += 1;
    if (depth <= 0 && text.startsWith(close, at)) return at;
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === "{") depth += 1;
    else if (character === "}") depth -= 1;
  }
  return -1;
}

/** As above; where braces do not balance, the next `close` there is: its source is then shown. */
function findAnyClose(text, close, from) {
  const end = findClose(text, close, from);
  if (end >= 0) return end;
  const next = text.slice(from, from + LONGEST_FORMULA).indexOf(close);
  return next < 0 ? -1 : from + next;
}

/** The end of an inline formula opened by the `$` before `from`, or -1 if that `$` is money. */
function closeOfDollar(text, from) {
  if (!text[from] || /\s/.test(text[from])) return -1;
  let end = findClose(text, "$", from);
  if (end < 0) {
    const next = findAnyClose(text, "$", from);
    if (text.slice(from, next).includes("\\")) end = next;
  }
  if (end <= from) return -1;
  if (/\s/.test(text[end - 1]) || /[0-9]/.test(text[end + 1] ?? "")) return -1;
  const inside = text.slice(from, end);
  if (/\n\s*\n/.test(inside)) return -1;
  // «$5 for a ticket and 3$»: an amount and words, with nothing that a formula would have.
  if (/^[\d.,]+[a-z]?\s+[A-Za-z]{2,}/.test(inside) && !/[\\^_={}]/.test(inside)) return -1;
  return end;
}

/** The end of a bare `\boxed{…}` at `from`: how many traces give their answer; -1 if it is prose. */
function endOfBox(text, from) {
  const open = from + "\\boxed{".length;
  const end = findClose(text, "}", open);
  if (end <= open || end - open > LONGEST_FORMULA) return -1;
  const inside = text.slice(open, end);
  return /[A-Za-z]{2,}\s/.test(inside) && !inside.includes("\\") ? -1 : end + 1;
}

/**
 * Cut `text` into plain strings and formulas { tex, display, source }.
 * Delimiters: $…$ (with money told apart), $$…$$, \(…\), \[…\], and a bare \boxed{…}.
 */
export function cut(text) {
  const parts = [];
  let plain = 0;
  let at = 0;
  searched = 0;
  const take = (start, open, end, close, display) => {
    if (start > plain) parts.push(text.slice(plain, start));
    plain = at = end + close.length;
    const tex = text.slice(start + open.length, end);
    parts.push({ tex, display, source: text.slice(start, plain) });
  };
  while (at < text.length && searched < MOST_SEARCHED) {
    const character = text[at];
    if (character === "\\" && (text[at + 1] === "(" || text[at + 1] === "[")) {
      const display = text[at + 1] === "[";
      const close = display ? "\\]" : "\\)";
      const end = findAnyClose(text, close, at + 2);
      if (end > at + 2) take(at, text.slice(at, at + 2), end, close, display);
      else at += 2;
    } else if (character === "\\" && text.startsWith("\\boxed{", at)) {
      const end = endOfBox(text, at);
      if (end > 0) take(at, "", end, "", false);
      else at += 2;
    } else if (character === "\\") {
      at += 2;
    } else if (character === "$" && text[at + 1] === "$") {
      const end = findAnyClose(text, "$$", at + 2);
      if (end > at + 2) take(at, "$$", end, "$$", true);
      else at += 2;
    } else if (character === "$") {
      const end = closeOfDollar(text, at + 1);
      if (end > 0) take(at, "$", end, "$", false);
      else at += 1;
    } else {
      at += 1;
    }
  }
  if (plain < text.length) parts.push(text.slice(plain));
  return parts;
}

// ---- Setting them --------------------------------------------------------------------------------

const cache = new Map();

/** KaTeX's tree writes `style` attributes, which the policy refuses: set those as properties. */
function withoutStyleAttributes(node) {
  const style = node.attributes?.style;
  if (style) {
    delete node.attributes.style;
    const build = node.toNode.bind(node);
    node.toNode = () => {
      const element = build();
      element.style.cssText = style;
      return element;
    };
  }
  for (const child of node.children ?? []) withoutStyleAttributes(child);
}

function sourceNode(source, reason) {
  const element = document.createElement("span");
  element.className = "formula-source";
  element.textContent = source;
  element.title = reason;
  return element;
}

function build({ tex, display, source }, output) {
  if (tex.length > LONGEST_FORMULA) {
    return sourceNode(source, `Longer than ${LONGEST_FORMULA} characters: the source is shown.`);
  }
  const element = document.createElement("span");
  element.className = display ? "formula display" : "formula";
  try {
    const tree = window.katex.__renderToDomTree(tex, { ...OPTIONS, displayMode: display, output });
    withoutStyleAttributes(tree);
    element.append(tree.toNode());
  } catch (error) {
    // KaTeX's own errors, and a stack that grew too deep: both mean «this cannot be set».
    return sourceNode(source, error instanceof Error ? error.message : String(error));
  }
  element.dataset.source = source;
  return element;
}

function formulaNode(part, output) {
  const key = `${output}${part.display ? "D" : "I"}${part.tex}`;
  let node = cache.get(key);
  if (!node) {
    if (cache.size >= CACHE_SIZE) cache.clear();
    node = build(part, output);
    cache.set(key, node);
  }
  return node.cloneNode(true);
}

const onlyText = (element) => [...element.childNodes].every((node) => node.nodeType === Node.TEXT_NODE);

function typeset(element) {
  if (!onlyText(element)) return;
  const output = element.dataset.math === "html" ? "html" : "mathml";
  const fragment = document.createDocumentFragment();
  let count = 0;
  const parts = cut(element.textContent);
  for (const [index, part] of parts.entries()) {
    if (typeof part === "string") {
      // A formula on a line of its own brings its own line breaks.
      const before = parts[index - 1]?.display ? part.replace(/^[ \t]*\n?/, "") : part;
      fragment.append(parts[index + 1]?.display ? before.replace(/\n?[ \t]*$/, "") : before);
    }
    else if (++count > MOST_FORMULAS) fragment.append(part.source);
    else fragment.append(formulaNode(part, output));
  }
  if (count) element.replaceChildren(fragment);
}

// ---- When ----------------------------------------------------------------------------------------

let files;
let loading;
const queue = new Set();
let scheduled = false;
const watched = new Map(); // what is watched -> the elements to set in it

function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = files.script;
    script.onload = resolve;
    script.onerror = () => reject(new Error("KaTeX could not be loaded; formulas stay as source."));
    document.head.append(script);
  });
  return loading;
}

function loadStyles() {
  if (document.querySelector("link[data-katex]")) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = files.styles;
  link.dataset.katex = "";
  document.head.append(link);
}

function work() {
  scheduled = false;
  const until = performance.now() + FRAME_MS;
  for (const element of queue) {
    queue.delete(element);
    typeset(element);
    if (performance.now() > until) break;
  }
  schedule();
}

function schedule() {
  if (scheduled || !queue.size) return;
  scheduled = true;
  load().then(
    () => requestAnimationFrame(work),
    (error) => console.warn(error.message),
  );
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      for (const element of watched.get(entry.target) ?? []) queue.add(element);
      watched.delete(entry.target);
    }
    schedule();
  },
  { rootMargin: "800px 0px" },
);

function watch(element) {
  if (!onlyText(element) || !/\$|\\[([]|\\boxed/.test(element.textContent)) return;
  if (element.dataset.math === "html") loadStyles();
  // A step far away is not laid out, so what is watched is the step, not what stands in it.
  const place = element.closest(".step") ?? element;
  if (!watched.has(place)) watched.set(place, new Set());
  watched.get(place).add(element);
  near.observe(place);
}

function watchAll(root) {
  if (root.matches?.("[data-math]")) watch(root);
  for (const element of root.querySelectorAll?.("[data-math]") ?? []) watch(element);
}

/** Set what is on the page now and whatever comes later. */
export function start(addresses) {
  files = addresses;
  watchAll(document);
  new MutationObserver((records) => {
    for (const record of records) {
      if (record.target.matches?.("[data-math]")) {
        // A swap put plain text back where formulas stood.
        if (onlyText(record.target)) watch(record.target);
        continue;
      }
      for (const node of record.addedNodes) watchAll(node);
    }
  }).observe(document.body, { childList: true, subtree: true });
  addEventListener("beforeprint", () => {
    if (!window.katex) return;
    for (const elements of watched.values()) elements.forEach(typeset);
  });
  document.addEventListener("click", copySource);
}

/** A click on a formula copies its source. */
function copySource(event) {
  const formula = event.target.closest?.(".formula[data-source]");
  if (!formula || !navigator.clipboard || String(getSelection())) return;
  navigator.clipboard.writeText(formula.dataset.source).then(
    () => (formula.title = "Copied"),
    () => {},
  );
}
