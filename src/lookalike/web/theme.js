// Before anything is painted, so that a page that was switched to dark doesn't flash white.
// No module: those run only after the document is parsed.
(() => {
  try {
    const chosen = localStorage.getItem("lookalike.theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch {
    // storage is off: the system's choice stands
  }
})();
