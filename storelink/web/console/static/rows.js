// What is typed is looked at by itself: nobody has to ask for it.
const unasked = () => { for (const one of document.querySelectorAll("[data-plain]")) one.hidden = true; };
unasked();
document.addEventListener("htmx:afterSettle", unasked);
// After a live preview: the rows that changed, and those that are wrong, look so. Nothing depends on it.
document.addEventListener("htmx:afterSettle", () => {
  for (const mark of document.querySelectorAll("[data-row]")) {
    const row = mark.closest("tr"), control = row.querySelector("select, input:not([type=hidden])");
    const wrong = document.getElementById(`${control.id}-e`).textContent.trim() !== "";
    row.classList.toggle("changed", mark.dataset.row === "changed");
    document.getElementById(`cell-${control.id}`).classList.toggle("is-wrong", wrong);
    if (wrong) control.setAttribute("aria-invalid", "true"); else control.removeAttribute("aria-invalid");
  }
});
