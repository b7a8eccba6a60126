// The colours a person chose, set before anything is painted.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("ragqa.theme");
  } catch {
    // A browser that keeps nothing uses the colours of the system.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
