// Parts of a page that are drawn anew when what they show has changed. A part says what it shows
// (data-live, with the mark data-mark it was drawn with), where it comes from (hx-get) and hx-trigger="live".
// One stream tells of all of them; it is closed while nobody looks, and opened again by itself.
(() => {
  const SILENT = 25000, LONGEST = 30000;
  const shown = document.querySelector(".live"), lost = document.getElementById("not-live");
  const plain = shown ? shown.innerHTML : "";
  let stream = null, following = "", tries = 0, again = 0, silent = 0, last = new Date(), over = false;

  const parts = () => [...document.querySelectorAll("[data-live]")];
  const names = () => [...new Set(parts().map((part) => part.dataset.live))].sort().join(" ");
  const clock = (moment) => moment.toLocaleTimeString("en-GB");
  const tell = (time) => { time.textContent = clock(last); time.dateTime = last.toISOString(); };

  function open() {
    close();
    following = names();
    if (!following || document.hidden || over) return;
    const asked = new URLSearchParams();
    const marks = new Map(parts().map((part) => [part.dataset.live, part.dataset.mark || ""]));
    for (const [topic, mark] of marks) asked.append("of", `${topic}@${mark}`);
    stream = new EventSource(`/console/live?${asked}`);
    stream.addEventListener("open", alive);
    stream.addEventListener("beat", alive);
    stream.addEventListener("change", (event) => {
      alive();
      for (const part of parts()) if (part.dataset.live === event.data) htmx.trigger(part, "live");
    });
    stream.addEventListener("over", () => { over = true; fail(); });
    stream.addEventListener("error", fail);
    silent = setTimeout(fail, SILENT);
  }

  function close() {
    clearTimeout(again);
    clearTimeout(silent);
    if (stream) stream.close();
    stream = null;
    following = "";
  }

  function alive() {
    clearTimeout(silent);
    silent = setTimeout(fail, SILENT);
    last = new Date();
    tries = 0;
    if (lost) lost.hidden = true;
    if (!shown) return;
    if (shown.dataset.state !== "on") {
      shown.dataset.state = "on";
      shown.replaceChildren(document.getElementById("live-on").content.cloneNode(true));
    }
    tell(shown.querySelector("time"));
  }

  function fail() {
    close();
    if (lost) {
      tell(lost.querySelector("time"));
      lost.hidden = false;
    }
    if (shown) {
      shown.dataset.state = "off";
      shown.textContent = `Not live since ${clock(last)}`;
    }
    if (over) return;
    again = setTimeout(open, Math.min(LONGEST, 1000 * 2 ** tries++));
  }

  // What a page asks by itself is no sign of a person.
  document.addEventListener("htmx:configRequest", (event) => {
    const by = event.detail.triggeringEvent;
    if (by && by.type === "live") event.detail.headers["Storelink-Live"] = "1";
  });

  // A part that was replaced may show something else, or nothing that moves any more.
  document.addEventListener("htmx:afterSettle", () => {
    if (names() === following || document.hidden) return;
    open();
    if (!following && shown) { shown.dataset.state = ""; shown.innerHTML = plain; }
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();

  // What was unfolded stays so, and focus stays where it was.
  let kept = null;
  const folds = (part) => [...part.querySelectorAll("details")];
  const held = (part) => [...part.querySelectorAll("a[href], button, input, select, textarea, summary")];
  const key = (one) => one.id || one.getAttribute("href") || one.name || one.textContent.trim();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target, focus = document.activeElement;
    if (!part.dataset.live) return;
    kept = {
      part,
      live: part.dataset.live,
      open: folds(part).map((one) => one.open),
      focus: part.contains(focus) ? key(focus) : null,
    };
    if (event.detail.xhr.status === 286) delete part.dataset.live;  // it rests
  });
  document.addEventListener("htmx:afterSettle", () => {
    const part = kept && (kept.part.isConnected ? kept.part
      : document.querySelector(`[data-live="${CSS.escape(kept.live)}"]`));
    if (part) {
      if (folds(part).length === kept.open.length) folds(part).forEach((one, at) => { one.open = kept.open[at]; });
      const lostFocus = kept.focus !== null && !part.contains(document.activeElement);
      const found = lostFocus && held(part).find((one) => key(one) === kept.focus);
      if (found) found.focus({ preventScroll: true });
    }
    kept = null;
  });
})();
