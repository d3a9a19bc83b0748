// The mapping's script: choices are saved without leaving the page, ticks outlive what the page takes over, the search looks while one
// types, and the keyboard ticks and opens rows. Without it the same forms and links do the same.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = $("#mapping");
  if (!form) return;
  document.documentElement.classList.add("scripted");

  // A page of ours as a document, with its status; 0 when nobody answers.
  function ask(method, url, body) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.responseType = "document";
      request.timeout = 30000;
      if (method === "GET") request.setRequestHeader("x-linkyard-live", "1");
      request.onload = () => done({ status: request.status, page: request.response });
      request.onerror = request.ontimeout = () => done({ status: 0, page: null });
      request.send(body);
    });
  }

  function tell(text) {
    const note = document.createElement("p");
    note.className = "alert bad";
    note.setAttribute("role", "alert");
    const strong = document.createElement("strong");
    strong.textContent = "Not done.";
    note.append(strong, " ", text);
    $("#alerts").replaceChildren(note);
  }

  // Ticks.
  const ticked = new Set();
  const boxes = () => $$("input[name=pick]", form);
  const record = (box) => box.value.split(".")[0];
  let last = "";

  function tick(box, on) {
    box.checked = on;
    if (on) ticked.add(record(box)); else ticked.delete(record(box));
  }
  function range(to, on) {
    const all = boxes();
    const from = all.findIndex((box) => record(box) === last);
    const end = all.indexOf(to);
    const [low, high] = from < 0 ? [end, end] : [Math.min(from, end), Math.max(from, end)];
    for (const box of all.slice(low, high + 1)) tick(box, on);
  }
  function show() {
    const all = boxes();
    const count = all.filter((box) => box.checked).length;
    const words = $("[data-words]", form);
    if (words && !all.some((box) => box.disabled)) {
      const text = count ? `${count} ticked` : words.dataset.words;
      if (words.textContent !== text) words.textContent = text;
    }
    const page = $("[data-tick-page]", form);
    if (page) {
      const box = $("input", page);
      box.checked = count > 0 && count === all.length;
      box.indeterminate = count > 0 && count < all.length;
    }
  }
  for (const box of boxes()) if (box.checked) ticked.add(record(box));

  form.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches("input[type=checkbox]")) return;
    if (box.closest("[data-tick-page]")) {
      for (const other of boxes()) tick(other, box.checked);
    } else {
      if (event.shiftKey && last) range(box, box.checked); else tick(box, box.checked);
      last = record(box);
    }
    show();
  });

  // What was taken over knows nothing of ticks.
  document.addEventListener("linkyard:fresh", () => {
    for (const box of boxes()) if (!box.disabled) box.checked = ticked.has(record(box));
    show();
  });

  // Choices: saved one after the other, in the order in which they were made.
  let sending = Promise.resolve();
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target !== form || !button || button.name === "confirm") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const data = new FormData(form);
    data.append(button.name, button.value);
    const row = button.closest("[data-row]");
    const menu = button.closest("details");
    if (menu) menu.open = false;
    row?.setAttribute("aria-busy", "true");
    (menu ? $("summary", menu) : button).focus({ preventScroll: true });
    sending = sending.then(() => send(data, button, row?.id));
  }, true);

  async function send(data, button, row) {
    const { status, page } = await ask("POST", form.action, new URLSearchParams(data));
    if (row) document.getElementById(row)?.removeAttribute("aria-busy");
    if (status === 401) {
      // The session has ended: the plain form leads to where one signs in and goes on with this choice.
      const kept = document.createElement("input");
      Object.assign(kept, { type: "hidden", name: button.name, value: button.value });
      form.append(kept);
      form.submit();
      return;
    }
    if (!page || !$("#rows", page)) {
      tell(status ? "This could not be saved. Load the page again, look at the row, and choose again." : "linkyard does not answer at the moment, so this choice is not saved. Choose again when it does.");
      return;
    }
    document.dispatchEvent(new CustomEvent("linkyard:page", { detail: page }));
    const said = $("#alerts", page);
    if (said) $("#alerts").replaceChildren(...document.importNode(said, true).childNodes);
  }

  // Searching while one types.
  let timer = 0;
  form.addEventListener("input", (event) => {
    const field = event.target.closest("[data-find]");
    if (!field) return;
    clearTimeout(timer);
    timer = setTimeout(() => find(field), 200);
  });
  // What a held row looks for first stands in its field already.
  form.addEventListener("toggle", (event) => {
    const field = event.target.open && $("[data-find]", event.target);
    if (field && field.value.trim() && !$(".found", event.target).hasChildNodes()) find(field);
  }, true);

  async function find(field) {
    const found = $(".found", field.closest(".choices"));
    const words = field.value.trim();
    if (!words) { found.replaceChildren(); return; }
    const query = new URLSearchParams({ record: field.dataset.find, q: words });
    const { page } = await ask("GET", `${form.dataset.mapping}/targets?${query}`);
    const hits = page && $("#found", page);
    if (hits && field.value.trim() === words) found.replaceChildren(...document.importNode(hits, true).childNodes);
  }

  // Keyboard: on the row where one is.
  const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), select, textarea");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("dialog[open]")) return;
    const open = event.target.closest?.("details.pick[open]");
    if (event.key === "Escape" && open) {
      event.stopImmediatePropagation();
      open.open = false;
      $("summary", open).focus();
      return;
    }
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const steps = $$("summary, button.choice, input[data-find]", open).filter((step) => step.checkVisibility());
      const next = steps[steps.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
      return;
    }
    const row = $("[data-row].at", form);
    if (!row || typing(event.target)) return;
    const box = $("input[name=pick]", row);
    if ((event.key === "x" || event.key === "X") && box && !box.disabled) {
      event.preventDefault();
      if (event.key === "X" && last) range(box, true); else tick(box, !box.checked);
      last = record(box);
      show();
    }
    if (event.key === "Enter" && !event.target.closest("a, button, summary")) {
      const pick = $("details.pick", row);
      if (pick) {
        event.preventDefault();
        pick.open = true;
        $("button.choice, input", pick)?.focus();
      }
    }
  }, true);

  show();
})();
