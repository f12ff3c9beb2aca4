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
// What was typed before this page could listen, or is still there after a reload, is looked at now.
document.addEventListener("DOMContentLoaded", () => {
  const early = [...document.querySelectorAll("[hx-post] input, [hx-post] select, [hx-post] textarea")].find((one) =>
    one.type === "radio" || one.type === "checkbox" ? one.checked !== one.defaultChecked
      : one.options ? [...one.options].some((choice) => choice.selected !== choice.defaultSelected && choice.index > 0)
        : one.type !== "hidden" && one.value !== one.defaultValue);
  if (early) early.dispatchEvent(new Event("input", { bubbles: true }));
});
