// Leitstand's one script. Every page works without it; it adds keys, live values and comfort.
"use strict";
(() => {
  const one = (what, within = document) => within.querySelector(what);
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const said = document.body.dataset;
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

  // Of many tabs the present one is in sight.
  const tab = one(".tabs [aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;

  // A quiet word at the bottom right; it goes away by itself unless it offers something.
  const notice = one(".notice");
  let noticeEnds;
  function tell(text, path) {
    clearTimeout(noticeEnds);
    notice.replaceChildren();
    if (path) {
      const link = document.createElement("a");
      link.href = path;
      link.textContent = text;
      notice.append(link);
    } else {
      notice.textContent = text;
      noticeEnds = setTimeout(() => { notice.hidden = true; }, 4000);
    }
    notice.hidden = false;
  }

  // Keys: "/" searches, j and k walk through rows and results, arrows walk through a chart.
  function walk(list, step) {
    if (!list.length) return;
    const at = list.indexOf(document.activeElement);
    const to = at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1);
    list[to].focus();
    list[to].scrollIntoView({ block: "nearest" });
  }
  const rows = () => all("a.go").filter((link) => link.offsetParent !== null);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    if (event.key === "Escape") {
      all("details.menu[open]").forEach((menu) => { menu.open = false; one("summary", menu).focus(); });
      const drawer = one("#drawer");
      if (drawer && drawer.checked) { drawer.checked = false; drawer.focus(); }
      if (target.id === "search") target.blur();
      return;
    }
    const pick = target.closest(".pick");
    if (pick) {
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e6, End: 1e6 };
      if (event.key in steps) {
        event.preventDefault();
        const points = all(".pick", pick.closest("svg"));
        const to = points[Math.min(Math.max(points.indexOf(pick) + steps[event.key], 0), points.length - 1)];
        points.forEach((point) => point.setAttribute("tabindex", point === to ? "0" : "-1"));
        to.focus();
      }
      return;
    }
    if (target.id === "search" && event.key === "ArrowDown" && rows().length) {
      event.preventDefault();
      rows()[0].focus();
      return;
    }
    if (typing(target)) return;
    if (event.key === "/") {
      const search = one("[data-search]") || one("#search");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "j") walk(rows(), 1);
    else if (event.key === "k") walk(rows(), -1);
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && target.matches("a.go")) {
      event.preventDefault();
      walk(rows(), event.key === "ArrowDown" ? 1 : -1);
    }
  });

  // A click on a moment in a row means the row.
  document.addEventListener("click", (event) => {
    const moment = event.target.closest("tr time[data-exact]");
    const row = moment && one("a.go", moment.closest("tr"));
    if (row && !moment.closest("a, button")) row.click();
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // Themes change at once; the server is told, so that the next page comes in the same colours.
  document.addEventListener("submit", (event) => {
    const chosen = event.submitter && event.submitter.name === "theme" ? event.submitter : null;
    if (!chosen) return;
    event.preventDefault();
    const theme = chosen.value;
    const body = new URLSearchParams(new FormData(event.target, chosen));
    fetch("/preferences", { method: "POST", body, redirect: "manual" }).catch(() => {});
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    all('button[name="theme"]').forEach((button) => {
      if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", String(button.value === theme));
    });
    all("[data-theme-switch] button").forEach((button) => { button.value = theme === "dark" ? "light" : "dark"; });
  });

  // The light-and-dark button needs to know what "like the system" is right now.
  if (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches)
    all("[data-theme-switch] button").forEach((button) => { button.value = "light"; });

  // The secret of a link from a mail stands in the fragment, which is sent to nobody by itself.
  const fragment = one("[data-fragment]");
  if (fragment && location.hash.length > 1) {
    fragment.value = location.hash.slice(1);
    fragment.closest(".field").hidden = true;
    history.replaceState(null, "", location.pathname);
  }

  const summary = one("[data-focus]");
  if (summary) summary.focus();

  // Commands unfold in place: the form is sent, and of the page that comes back only the places of
  // commands are taken. Without scripts the whole page comes back.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || !("command" in form.dataset)) return;
    event.preventDefault();
    if (form.dataset.asking) return;
    form.dataset.asking = "1";
    const at = one("#at-" + (new FormData(form).get("place") || "none"));
    try {
      const body = new URLSearchParams(new FormData(form, event.submitter));
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const places = all("[data-live]").filter((place) => place.id.startsWith("at-") || place.dataset.live === "command");
      const found = places.filter((place) => {
        const match = one(`[data-live="${CSS.escape(place.dataset.live)}"]`, fresh);
        if (match && place.innerHTML !== match.innerHTML) place.replaceChildren(...match.childNodes);
        return match;
      });
      if (!found.length) { location.reload(); return; }
      if (answer.ok) all("details.unfold[open]").forEach((each) => { if (each.contains(form)) each.open = false; });
      const once = one('input[name="once"]', form);
      if (once && answer.ok) once.value = crypto.getRandomValues(new Uint32Array(3)).join("-");
      if (at) at.scrollIntoView({ block: "nearest" });
    } catch { location.reload(); } finally { delete form.dataset.asking; }
  });

  // A form that asks what something costs is asked again while one types.
  const priced = one("form[data-priced]");
  let typed;
  if (priced) priced.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(async () => {
      try {
        const asked = priced.action + "?" + new URLSearchParams(new FormData(priced));
        const answer = await fetch(asked, { headers: { Accept: "text/html" } });
        const fresh = one("#price", new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (fresh) one("#price").replaceChildren(...fresh.childNodes);
      } catch { /* the button asks, too */ }
    }, 300);
  });

  // The hours of a week: arrows walk, with Shift they paint, a head switches its row or column.
  const week = one(".week");
  if (week) {
    const grid = all("tbody tr", week).map((row) => all("input", row));
    const boxes = grid.flat();
    const wide = grid[0].length;
    boxes.forEach((box, at) => { box.tabIndex = at ? -1 : 0; });
    week.addEventListener("keydown", (event) => {
      const at = boxes.indexOf(event.target);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key];
      const to = at < 0 || !step ? null : boxes[at + step];
      if (!to) return;
      event.preventDefault();
      if (event.shiftKey) to.checked = boxes[at].checked;
      boxes[at].tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
    all("th", week).forEach((head) => {
      const row = head.scope === "row";
      const own = row ? all("input", head.parentElement) : grid.map((each) => each[head.cellIndex - 1]);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => {
        const on = own.some((box) => !box.checked);
        own.forEach((box) => { box.checked = on; });
      });
      head.replaceChildren(button);
    });
  }

  // Live values. The server only says that something changed; the page is asked for again, and
  // values that differ are replaced where they stand. Rows are never added, removed or moved.
  if (!said.liveAbout || !window.EventSource) return;
  const stream = one(".stream");
  let lost = false, waiting = null, last = 0, asking = false, left = false;

  // What one is about to click stays where it is.
  const aimed = ["a", "button", "input", "select", "summary"].map((name) => name + ":hover").join();
  const busy = (element) => element.matches(":focus-within") ||
    (!("liveAlways" in element.dataset) && (element.closest("a:hover") || one(aimed, element)));
  function put(old, fresh) {
    if (old.innerHTML === fresh.innerHTML) return;
    if (busy(old)) { left = true; return; }
    const unfolded = all("details", old).map((each) => each.open);
    old.replaceChildren(...fresh.childNodes);
    all("details", old).forEach((each, place) => { if (unfolded[place]) each.open = true; });
    for (const name of ["class", "title"])
      if (fresh.hasAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
    if (!("liveQuiet" in old.dataset)) {
      old.classList.add("changed");
      setTimeout(() => old.classList.remove("changed"), 2000);
    }
  }
  async function refresh() {
    waiting = null;
    if (document.hidden || asking) return;
    asking = true;
    left = false;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const known = new Map(all("[data-live]", fresh).map((element) => [element.dataset.live, element]));
      all("[data-live]").forEach((element) => {
        const match = known.get(element.dataset.live);
        if (match) put(element, match);
        known.delete(element.dataset.live);
      });
      if ([...known.values()].some((element) => "liveRow" in element.dataset)) tell(said.wordMore, location.href);
    } catch { /* the stream itself tells when the server is away */ } finally { asking = false; }
    if (left) soon();
  }
  function soon() {
    if (waiting === null) waiting = setTimeout(refresh, Math.max(300, 2000 - (Date.now() - last)));
  }
  // A page that nobody sees listens to nothing: browsers keep only few connections open.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hush();
    else { soon(); listen(); }
  });
  addEventListener("pagehide", hush);

  let pause = 2000, source = null;
  function hush() {
    if (source) source.close();
    source = null;
  }
  function listen() {
    hush();
    if (document.hidden) return;
    // What has a stream of its own is named by its path.
    source = new EventSource(said.liveAbout[0] === "/" ? said.liveAbout : "/live?about=" + encodeURIComponent(said.liveAbout));
    source.addEventListener("changed", soon);
    source.addEventListener("open", () => {
      pause = 2000;
      if (lost) { stream.hidden = true; tell(said.wordBack); soon(); }
      lost = false;
    });
    source.addEventListener("error", () => {
      lost = true;
      stream.textContent = said.wordLost;
      stream.hidden = false;
      if (source && source.readyState === EventSource.CLOSED) {
        setTimeout(listen, pause);
        pause = Math.min(pause * 2, 30000);
      }
    });
  }
  listen();
})();
