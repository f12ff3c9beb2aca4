// What pages do beyond reading and sending: the viewer's time zone, and / to search. Nothing depends on it.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`storelink_zone=${zone}`)) {
    document.cookie = `storelink_zone=${zone};path=/console;max-age=31536000;samesite=lax`;
  }
  const wanted = new URLSearchParams(location.search).get("times");
  if (wanted === "exact" || wanted === "relative") {
    document.cookie = `storelink_times=${wanted};path=/console;max-age=31536000;samesite=lax`;
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const field = document.querySelector("input[type=search]");
    if (field) { event.preventDefault(); field.focus(); }
  });
  const wrong = document.getElementById("wrong");
  if (wrong) wrong.focus();
})();
