// Starts the console. A file of its own, because the page's policy lets no inline script run. The names in double
// braces are filled in when the bundle is made: each carries the hash of what it names.
import init from "{{console.js}}";

init({ module_or_path: "{{console.wasm}}" }).catch(() => {
  const said = document.createElement("p");
  said.setAttribute("role", "alert");
  said.textContent = "The console could not be started. Reload the page; if that does not help, the browser may be too old.";
  document.body.replaceChildren(said);
});
