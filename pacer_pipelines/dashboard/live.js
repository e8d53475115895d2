// Keeps the live strip up to date; everything is put in as text.
"use strict";
(() => {
  const strip = document.getElementById("live");
  if (!strip) return;
  const status = strip.querySelector("[data-status]");
  async function refresh() {
    try {
      const answer = await fetch(strip.dataset.url, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const live = await answer.json();
      for (const [variant, cells] of Object.entries(live.variants)) {
        const row = strip.querySelector(`tr[data-variant="${variant}"]`);
        cells.forEach((text, place) => { row.cells[place + 1].textContent = text; });
      }
      status.textContent = live.status;
    } catch {
      status.textContent = strip.dataset.lost;
    }
    setTimeout(refresh, Number(strip.dataset.every));
  }
  refresh();
})();
