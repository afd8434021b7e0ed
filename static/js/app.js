// Starts what the page needs, and closes what floats. Addresses of the other modules stand on the
// script's own element, because their names are hashed when the site is deployed.

const addresses = document.getElementById("app-script").dataset;
const FLOATING = "details:is(.menu, .ask, .confirm, .narrow-menu)";

let steps;
let math;

const keys = import(addresses.keys);

async function startWhatIsNeeded() {
  if (!steps && document.querySelector(".step")) {
    steps = import(addresses.steps);
    (await steps).start((await keys).bind);
  }
  if (!math && document.querySelector("[data-math]")) {
    math = import(addresses.math);
    (await math).start({ script: addresses.katex, styles: addresses.katexCss });
  }
}

function closeOthers(target) {
  for (const open of document.querySelectorAll(`${FLOATING}[open]`)) {
    if (!open.contains(target)) open.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeOthers(event.target);
  const opener = event.target.closest("[data-opens]");
  if (opener?.dataset.opens === "keys-sheet") keys.then((module) => module.openSheet());
  else if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  // A click beside a dialog closes it.
  if (event.target instanceof HTMLDialogElement) {
    const box = event.target.getBoundingClientRect();
    const inside =
      event.clientX >= box.left &&
      event.clientX <= box.right &&
      event.clientY >= box.top &&
      event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = [...document.querySelectorAll(`${FLOATING}[open]`)].at(-1);
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

// One box chooses all rows of its table: <input type="checkbox" data-checks-all>.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-checks-all]")) return;
  const rows = event.target.closest("table").querySelectorAll('tbody input[type="checkbox"]');
  for (const box of rows) box.checked = event.target.checked;
});

document.addEventListener("htmx:after:swap", startWhatIsNeeded);
keys.then((module) => module.start());
startWhatIsNeeded();
