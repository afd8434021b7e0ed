// Light, dark or as the system: applied before anything is painted, so this is no module.
(() => {
  const root = document.documentElement;
  const KEY = "stillroom-theme";

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is forbidden: follow the system
    }
  };

  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (choice ?? "auto")));
    }
  };

  root.dataset.js = "";
  apply(stored());

  document.addEventListener("DOMContentLoaded", () => apply(stored()));
  addEventListener("storage", (event) => {
    if (event.key === KEY) apply(event.newValue);
  });
  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    try {
      if (choice === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // kept for this page only
    }
    apply(choice === "auto" ? null : choice);
  });
})();
