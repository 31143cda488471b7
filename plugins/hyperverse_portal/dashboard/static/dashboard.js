// What the pages do besides links and forms, which work without it: light and dark, and parts that keep up with the
// machine. Parts come as HTML that the portal has made; nothing that a particle says is ever read as HTML here.
(() => {
  "use strict";
  const root = document.documentElement, key = "hyperverse-theme";
  const kept = () => { try { return localStorage.getItem(key); } catch { return null; } };
  if (kept() === "light" || kept() === "dark") root.dataset.theme = kept();

  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem(key, root.dataset.theme); } catch { /* it lasts as long as the page */ }
    });
    addEventListener("keydown", event => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      document.getElementById("q")?.focus();
    });
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    for (const select of document.querySelectorAll("select[data-submit]"))
      select.addEventListener("change", () => select.form.requestSubmit());
    for (const form of document.querySelectorAll("form[data-ask]"))
      form.addEventListener("submit", event => { if (!confirm(form.dataset.ask)) event.preventDefault(); });
    const every = Number(document.body.dataset.every || 0);
    if (every) keepUp(every);
  });

  // How old what is shown is, wherever a page says it.
  let asked = Date.now();
  setInterval(() => {
    const page = Math.round((Date.now() - asked) / 1000);
    for (const place of document.querySelectorAll("[data-age]")) {
      const old = page + Number(place.dataset.old || 0), text = old < 2 ? "just now" : `${old} s ago`;
      if (place.textContent !== text) place.textContent = text;
    }
  }, 1000);

  function keepUp(every) {
    const sign = document.getElementById("live"), word = sign.lastElementChild;
    const shown = new Map();
    let last = Date.now(), under_way = false, again = false, stream = null;
    for (const part of document.querySelectorAll("[data-part]")) shown.set(part.id, part.innerHTML);
    sign.hidden = false;

    async function refresh() {
      if (document.hidden) return;
      if (under_way) { again = true; return; }
      under_way = true;
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html", "hyperverse-refresh": "1" }, cache: "no-store" });
        if (answer.status === 401) { location.reload(); return; }
        if (answer.ok) { take(await answer.text()); last = asked = Date.now(); }
      } catch { /* the sign says how old the page is */ }
      under_way = false;
      if (again) { again = false; refresh(); }
    }
    function take(html) {
      const found = new DOMParser().parseFromString(html, "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = found.getElementById(part.id);
        if (!fresh) { part.replaceChildren(); shown.delete(part.id); continue; }
        part.className = fresh.className;
        if (shown.get(part.id) === fresh.innerHTML) continue;
        if (part.contains(document.activeElement) && document.activeElement !== part) continue; // somebody is there
        shown.set(part.id, fresh.innerHTML);
        const open = new Map([...part.querySelectorAll("details[data-key]")].map(each => [each.dataset.key, each.open]));
        part.replaceChildren(...fresh.childNodes);
        for (const each of part.querySelectorAll("details[data-key]"))
          if (open.has(each.dataset.key)) each.open = open.get(each.dataset.key);
      }
    }
    function watch() {
      const point = document.body.dataset.watch;
      if (!point || stream || document.hidden) return;
      stream = new EventSource("events?" + new URLSearchParams({ point }));
      for (const name of ["state", "property", "child", "log", "missed", "change"]) stream.addEventListener(name, refresh);
      stream.addEventListener("end", () => { stream.close(); stream = null; });
    }
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { stream?.close(); stream = null; } else { refresh(); watch(); }
    });
    addEventListener("pagehide", () => stream?.close());
    setInterval(refresh, every * 1000);
    setInterval(() => {
      const old = Math.round((Date.now() - last) / 1000), stale = old > 2 * every + 2;
      sign.classList.toggle("stale", stale);
      const text = stale ? `${old} s old` : "live";
      if (word.textContent !== text) word.textContent = text;
    }, 1000);
    watch();
  }
})();
