// Before anything is drawn: the theme that was chosen here. The page's style sheet follows the attribute.
let chosen = null;
try {
  chosen = localStorage.getItem("viworks.theme");
} catch {
  // A browser that keeps nothing follows the machine.
}
document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : "system";
