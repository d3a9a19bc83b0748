// The console's script; the mapping's is beside it. Every page works without; with it pages bring themselves up to date, forms are sent once, and the
// keyboard goes where the mouse goes. It never makes markup out of text: what it takes over was parsed by the browser from our own pages.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Times: how long ago, with the time itself on hover.
  const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [86400 * 14, "day", 86400]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  function tellTimes() {
    for (const time of $$("time[data-ago]")) {
      time.title ||= time.textContent;
      const seconds = Math.round((Date.now() - Date.parse(time.dateTime)) / 1000);
      const step = steps.find(([below]) => Math.abs(seconds) < below);
      const text = step ? words.format(-Math.round(seconds / step[2]), step[1]) : time.title;
      // A clock that is a little behind must not speak of the future.
      const said = seconds < 0 && seconds > -60 ? "now" : text;
      if (time.textContent !== said) time.textContent = said;
    }
  }

  // Live: a stream says that the page has changed, the page fetches itself, and the regions that differ are taken over.
  const live = {
    path: document.body.dataset.live,
    button: $("#live"),
    paused: sessionStorage.getItem("live-paused") === "yes",
    ended: false,
    source: null,
    timer: 0,
    failures: 0,
    asking: false,
    again: false,

    start() {
      if (!this.path) return;
      if (this.button) {
        this.button.hidden = false;
        this.button.addEventListener("click", () => this.pause(!this.paused));
      }
      this.pause(this.paused);
    },
    pause(paused) {
      this.paused = paused;
      sessionStorage.setItem("live-paused", paused ? "yes" : "no");
      if (this.button) this.button.setAttribute("aria-pressed", String(paused));
      this.say(paused ? "Paused" : "Live", false);
      this.stop();
      if (!paused && !this.ended) this.listen();
    },
    say(text, lost) {
      if (!this.button) return;
      $("[data-live-words]", this.button).textContent = text;
      this.button.classList.toggle("lost", lost);
      this.button.title = this.paused ? "Bring this page up to date by itself again" : "Stop bringing this page up to date";
    },
    stop() {
      this.source?.close();
      this.source = null;
      clearTimeout(this.timer);
    },
    listen() {
      if (!window.EventSource) return this.poll();
      this.source = new EventSource(this.path);
      this.source.addEventListener("open", () => { this.failures = 0; this.say("Live", false); });
      this.source.addEventListener("change", () => this.look());
      this.source.addEventListener("ended", () => this.signedOut());
      this.source.addEventListener("error", () => {
        this.failures += 1;
        this.say("Reconnecting", true);
        const closed = this.source?.readyState === EventSource.CLOSED;
        // Whatever stands in the way of a stream: asking every few seconds does the same.
        if (closed || this.failures > 3) { this.stop(); this.poll(); }
      });
    },
    poll() {
      clearTimeout(this.timer);
      this.timer = setTimeout(async () => {
        await this.look();
        if (!this.paused && !this.ended && !this.source) this.poll();
      }, 5000);
    },
    async look() {
      if (this.paused || this.ended) return;
      if (this.asking) { this.again = true; return; }
      this.asking = true;
      const page = await ask(location.href);
      this.asking = false;
      if (page === "signed out") return this.signedOut();
      if (!page) { this.say("Reconnecting", true); return; }
      this.say("Live", false);
      if (!this.paused) takeOver(page);
      if (this.again) { this.again = false; this.look(); }
    },
    signedOut() {
      this.ended = true;
      this.stop();
      this.say("Signed out", true);
      const note = document.createElement("p");
      note.className = "alert bad";
      note.setAttribute("role", "alert");
      const link = document.createElement("a");
      link.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
      link.textContent = "Sign in again";
      note.append("Your session has ended, so this page is no longer brought up to date. ", link);
      $("#alerts")?.replaceChildren(note);
    },
  };

  // A page of ours as a document, parsed by the browser and never run.
  function ask(url) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("GET", url);
      request.responseType = "document";
      request.setRequestHeader("x-linkyard-live", "1");
      request.timeout = 30000;
      request.onload = () => done(request.status === 401 ? "signed out" : request.status === 200 ? request.response : null);
      request.onerror = request.ontimeout = () => done(null);
      request.send();
    });
  }

  // What a region looks like, apart from what only the script or the moment of its making put there.
  function look(region) {
    const copy = region.cloneNode(true);
    for (const input of $$("input[name=request_id]", copy)) input.removeAttribute("value");
    for (const time of $$("time[data-ago]", copy)) { time.removeAttribute("title"); time.textContent = ""; }
    for (const row of $$(".at", copy)) { row.classList.remove("at"); if (!row.className) row.removeAttribute("class"); }
    for (const open of $$("details[open]", copy)) open.removeAttribute("open");
    for (const said of $$("[data-words], .found", copy)) said.replaceChildren();
    return copy.innerHTML;
  }

  function takeOver(page) {
    const focused = document.activeElement;
    for (const region of $$("[data-region]")) {
      const fresh = page.getElementById(region.id);
      // Nobody's typing is taken away under the hands.
      const typing = region.contains(focused) && focused.matches("input:not([type=checkbox]), select, textarea");
      if (!fresh || typing || look(fresh) === look(region)) continue;
      const place = region.contains(focused) ? placeOf(focused, region) : null;
      const at = $$("[data-row]", region).findIndex((row) => row.classList.contains("at"));
      const open = $$("details[open][id]", region).map((details) => details.id);
      region.replaceChildren(...document.importNode(fresh, true).childNodes);
      for (const id of open) { const details = document.getElementById(id); if (details) details.open = true; }
      if (at >= 0) $$("[data-row]", region)[at]?.classList.add("at");
      if (place) $$("a, button, input, select, summary", region)[place]?.focus({ preventScroll: true });
      region.dispatchEvent(new CustomEvent("linkyard:fresh", { bubbles: true }));
    }
    tellTimes();
  }

  // Another script of ours got a newer look of this page.
  document.addEventListener("linkyard:page", (event) => takeOver(event.detail));

  function placeOf(element, region) {
    return $$("a, button, input, select, summary", region).indexOf(element);
  }

  // Forms: a second click is no second request. (The server answers it like the first; this only saves the wait.)
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = event.submitter;
    button?.setAttribute("aria-disabled", "true");
    setTimeout(() => { delete form.dataset.sent; button?.removeAttribute("aria-disabled"); }, 10000);
  });
  // Back to a page that was left by a form: it may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of $$("form[data-sent]")) delete form.dataset.sent;
    for (const button of $$("[aria-disabled]")) button.removeAttribute("aria-disabled");
  });

  // Menus close when something else is done.
  document.addEventListener("click", (event) => {
    for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Keyboard. Single keys, so never while somebody types.
  let waiting = "";
  let waitingTimer = 0;
  const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
  const rows = () => $$("[data-row]").filter((row) => row.offsetParent);

  function go(step) {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("at"));
    const next = Math.min(all.length - 1, Math.max(0, now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step));
    all[now]?.classList.remove("at");
    all[next].classList.add("at");
    all[next].scrollIntoView({ block: "nearest" });
    $("a, input, button", all[next])?.focus({ preventScroll: true });
  }

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    "/": () => $("[data-search]")?.focus(),
    "?": () => $("#keys")?.showModal(),
    p: () => live.path && live.pause(!live.paused),
    g: () => { waiting = "g"; clearTimeout(waitingTimer); waitingTimer = setTimeout(() => { waiting = ""; }, 1500); },
  };

  for (const button of $$("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => keys["?"]());
  }

  document.addEventListener("keydown", (event) => {
    // An open dialog has its keys for itself; the browser closes it with Escape.
    if ($("dialog[open]")) return;
    if (event.key === "Escape") {
      for (const menu of $$("details.menu[open]")) { menu.open = false; $("summary", menu).focus(); }
      if (typing(event.target)) event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (waiting === "g") {
      waiting = "";
      const way = $$("[data-key]").find((link) => link.dataset.key === event.key);
      if (way) { event.preventDefault(); location.assign(way.href); return; }
    }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // What was just done is said once: not again after a reload, and not to whom the address is sent.
  const here = new URL(location.href);
  if (here.searchParams.has("notice")) {
    here.searchParams.delete("notice");
    history.replaceState(history.state, "", here);
  }

  $("#problems")?.focus();
  tellTimes();
  setInterval(tellTimes, 10000);
  live.start();
})();
