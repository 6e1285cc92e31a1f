"use strict";

// Live refresh: asks the API every few seconds whether anything changed (ETag), and only then fetches the page again.
(() => {
  const EVERY_MS = 5000;
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  if (!live) return;
  let etag = null;

  const shown = () => new Set([...live.querySelectorAll("article[aria-labelledby]")].map((card) => card.getAttribute("aria-labelledby")));

  async function replace() {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) return;
    const before = shown();
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    live.replaceChildren(...fresh.childNodes);
    live.toggleAttribute("data-empty", fresh.hasAttribute("data-empty"));
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    const added = [...live.querySelectorAll("article[aria-labelledby]")].filter((card) => !before.has(card.getAttribute("aria-labelledby")));
    for (const card of added) card.classList.add("fresh");
    if (added.length) news.textContent = added.length === 1 ? "1 new alert" : `${added.length} new alerts`;
  }

  async function look() {
    if (document.hidden) return;
    const headers = { accept: "application/json" };
    if (etag) headers["if-none-match"] = etag;
    const answer = await fetch(`/api/alerts?${live.dataset.query}`, { headers, cache: "no-store" });
    const first = etag === null;
    if (answer.status === 200) {
      etag = answer.headers.get("etag");
      if (!first) await replace();
    }
    if (live.hasAttribute("data-empty") && (first || answer.status === 304)) await replace();
  }

  function tellTimes() {
    for (const time of live.querySelectorAll("time[data-ago]")) {
      const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
      if (minutes < 1) time.textContent = "just now";
      else if (minutes < 60) time.textContent = `${minutes} min ago`;
      else if (minutes < 1440) time.textContent = `${Math.floor(minutes / 60)} h ago`;
    }
  }

  setInterval(() => look().catch(() => {}), EVERY_MS); // a server that is away is asked again, without a word
  setInterval(tellTimes, 30000);
  look().catch(() => {});
})();
