// A cursor over the steps of a trace, and folding. The cursor is the class `cursor` on one step;
// each move sends the event `stillroom:step` from it.

const still = matchMedia("(prefers-reduced-motion: reduce)");

const all = () => [...document.querySelectorAll(".step")].filter((step) => step.checkVisibility());
const current = () => document.querySelector(".step.cursor");

/** Put the cursor on `step` and bring it to the upper third of the window. */
export function moveTo(step, { scroll = true } = {}) {
  if (!step) return;
  for (const other of document.querySelectorAll(".step.cursor")) {
    other.classList.remove("cursor");
    other.removeAttribute("aria-current");
  }
  step.classList.add("cursor");
  step.setAttribute("aria-current", "step");
  if (scroll) {
    // The style sheet's scroll-margin holds the upper third.
    step.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
  }
  step.dispatchEvent(new CustomEvent("stillroom:step", { bubbles: true }));
}

function firstInView(steps) {
  return steps.find((step) => step.getBoundingClientRect().bottom > innerHeight / 4) ?? steps[0];
}

function by(distance) {
  const steps = all();
  if (!steps.length) return;
  const at = steps.indexOf(current());
  if (at < 0) moveTo(firstInView(steps));
  else moveTo(steps[Math.min(Math.max(at + distance, 0), steps.length - 1)]);
}

function foldOne() {
  (current() ?? firstInView(all()))?.classList.toggle("folded");
}

function foldAll() {
  const steps = all();
  const fold = steps.some((step) => !step.classList.contains("folded"));
  for (const step of steps) step.classList.toggle("folded", fold);
}

function fromAddress() {
  const step = document.getElementById(location.hash.slice(1));
  if (step?.matches(".step")) moveTo(step, { scroll: false });
}

/** Bind the keys with `bind` of keys.js, and follow clicks and the address. */
export function start(bind) {
  bind("j", "Next step", () => by(1));
  bind("k", "Step before", () => by(-1));
  bind("ArrowDown", "Next step", () => by(1));
  bind("ArrowUp", "Step before", () => by(-1));
  bind("g g", "First step", () => moveTo(all()[0]));
  bind("G", "Last step", () => moveTo(all().at(-1)));
  bind("z", "Fold or unfold this step", foldOne);
  bind("Z", "Fold or unfold all steps", foldAll);
  document.addEventListener("click", (event) => {
    const step = event.target.closest(".step");
    if (step && !event.target.closest("a, button, summary, input, textarea, select, label")) {
      moveTo(step, { scroll: false });
    }
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}
