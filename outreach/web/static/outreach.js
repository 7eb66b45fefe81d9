"use strict";
/* Everything here is a comfort: without it each page works by itself. */

const EVERY = 3000;

/* The desk looks after itself: asks cheaply whether anything changed, then fetches the list. */
function watchBoard(place) {
  const news = document.querySelector("[data-news]");
  let busy = false;

  const stamp = () => place.querySelector("[data-stamp]")?.dataset.stamp;

  async function refresh() {
    const answer = await fetch(place.dataset.url, { headers: { "X-Fragment": "1" } });
    if (!answer.ok || answer.redirected) return;
    const before = new Set([...place.querySelectorAll(".case[id]")].map((card) => card.id));
    const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const opened = place.querySelector("[data-open-now]")?.href;
    place.innerHTML = await answer.text();
    countDown(place);
    const onTheLine = place.querySelector("[data-open-now]")?.href;
    if (onTheLine && onTheLine !== opened) { location.href = onTheLine; return; }
    const fresh = [...place.querySelectorAll(".case[id]")].filter((card) => !before.has(card.id));
    fresh.forEach((card) => card.classList.add("case-new"));
    if (fresh.length && news) news.textContent = fresh.length === 1 ? "One new card." : `${fresh.length} new cards.`;
    if (focused) place.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  async function look() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(place.dataset.pulse);
      if (answer.ok && !answer.redirected && (await answer.json()).stamp !== stamp()) await refresh();
    } catch {
      /* The house is not there just now; the next look may find it. */
    } finally {
      busy = false;
    }
  }

  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}

/* "Earlier" puts the next part of the relationship in place. */
function watchTimeline(place) {
  place.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-more]");
    if (!link) return;
    event.preventDefault();
    const answer = await fetch(link.href, { headers: { "X-Fragment": "1" } });
    if (!answer.ok || answer.redirected) { location.href = link.href; return; }
    const part = document.createElement("div");
    part.innerHTML = await answer.text();
    const steps = part.querySelectorAll(".timeline > li");
    const first = steps[0];
    place.querySelector(".timeline").append(...steps);
    link.closest("p").replaceWith(...part.querySelectorAll("p"));
    if (first) { first.tabIndex = -1; first.focus(); }
  });
}

/* How many parts an SMS has, while it is being written. */
function countParts(field) {
  const said = field.parentElement.querySelector("[data-parts-said]");
  const token = field.form.querySelector("[name=csrf_token]").value;
  let later = 0;
  field.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(async () => {
      const body = new URLSearchParams({ text: field.value });
      const answer = await fetch(field.dataset.parts, { method: "POST", body, headers: { "X-CSRFToken": token } });
      if (!answer.ok) return;
      const { parts, encoding } = await answer.json();
      said.textContent = `${parts} ${parts === 1 ? "part" : "parts"} (${encoding})`;
    }, 250);
  });
}

/* How long what was said can still be taken back for certain. */
function countDown(root) {
  root.querySelectorAll("[data-seconds]").forEach((place) => {
    let left = Number(place.dataset.seconds);
    const timer = setInterval(() => {
      left -= 1;
      place.textContent = left > 0 ? `${left} s` : "";
      if (left <= 0 || !place.isConnected) clearInterval(timer);
    }, 1000);
  });
}

/* A form is sent once, however often the button is tapped. */
function sendOnce(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
}

/* While a phone rings or somebody talks, the card says how it stands; when it is over, it is read anew. */
function watchCall(place) {
  const isOpen = () => place.querySelector("[data-call-open]")?.dataset.callOpen === "1";
  if (!isOpen()) return;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.call);
      if (!answer.ok || answer.redirected) return;
      const text = await answer.text();
      const said = place.querySelector("[role=status]")?.textContent;
      const part = document.createElement("div");
      part.innerHTML = text;
      if (part.querySelector("[role=status]")?.textContent !== said) place.replaceChildren(...part.childNodes);
      if (!isOpen()) { clearInterval(timer); setTimeout(() => location.reload(), 1500); }
    } catch {
      /* The next look may find it. */
    }
  }, 1500);
}

/* Single keys for those who sit at a keyboard. Whoever is disturbed by them turns them off in the help. */
function listenToKeys(help) {
  const ON = "outreach.keys";
  const wanted = help.querySelector("[data-keys-on]");
  wanted.checked = localStorage.getItem(ON) !== "off";
  wanted.addEventListener("change", () => localStorage.setItem(ON, wanted.checked ? "on" : "off"));
  const opener = document.querySelector("[data-keys-open]");
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());

  const step = (by) => {
    const links = [...document.querySelectorAll(".case-head a")];
    const at = links.indexOf(document.activeElement);
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1)];
    next?.focus();
    next?.closest(".case").scrollIntoView({ block: "nearest" });
  };
  const shown = (selector) => [...document.querySelectorAll(selector)].find((each) => each.offsetParent !== null);
  const DOES = {
    j: () => step(1),
    k: () => step(-1),
    c: () => shown("[data-key=call]")?.click(),
    l: () => shown("#say input:not([type=hidden])")?.focus(),
    z: () => shown("[data-key=undo]")?.click(),
    u: () => shown(".crumbs a")?.click(),
    "/": () => shown("input[type=search]")?.focus(),
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !wanted.checked || !(event.key in DOES)) return;
    event.preventDefault();
    DOES[event.key]();
  });
}

/* On a phone the menu is wider than the screen: where one is, is seen. */
function showWhereOneIs(menu) {
  const here = menu.querySelector("[aria-current]");
  if (here) menu.scrollLeft = here.offsetLeft - menu.offsetLeft - (menu.clientWidth - here.offsetWidth) / 2;
}

countDown(document);
document.querySelectorAll(".menu").forEach(showWhereOneIs);
document.querySelectorAll("dialog[data-keys]").forEach(listenToKeys);
document.querySelectorAll("[data-board]").forEach(watchBoard);
document.querySelectorAll("[data-call]").forEach(watchCall);
document.querySelectorAll("[data-timeline]").forEach(watchTimeline);
document.querySelectorAll("textarea[data-parts]").forEach(countParts);
document.querySelectorAll("form[method=post]").forEach(sendOnce);
