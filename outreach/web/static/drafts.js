"use strict";
/* Writing playbooks: colours and faults while one types, and how far a try-out is. Without it the pages work by themselves. */

const AFTER = 350;
const SOON = 1000;

function writeIn(editor) {
  const text = editor.querySelector("textarea");
  const ink = editor.querySelector("[data-ink]");
  const faults = document.querySelector("[data-draft-faults]");
  const token = text.form.querySelector("[name=csrf_token]").value;
  const kept = text.value;
  let later = 0;
  let asked = 0;

  /* At once without colours, so that nothing lags behind the fingers. */
  const plain = () => {
    ink.replaceChildren(...text.value.split("\n").map((line) => {
      const row = document.createElement("span");
      row.className = "code-line";
      row.textContent = line;
      return row;
    }));
  };

  async function look() {
    const number = ++asked;
    const body = new URLSearchParams({ file: editor.dataset.file, text: text.value });
    try {
      const answer = await fetch(editor.dataset.look, { method: "POST", body, headers: { "X-CSRFToken": token } });
      if (!answer.ok || answer.redirected || number !== asked) return;
      const found = await answer.json();
      ink.innerHTML = found.code;
      faults.innerHTML = found.faults;
    } catch {
      /* The house is not there just now; the next key asks again. */
    }
  }

  const goTo = (line, column) => {
    const lines = text.value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + Math.max(column - 1, 0);
    text.focus();
    text.setSelectionRange(at, at);
    ink.children[line - 1]?.scrollIntoView({ block: "center" });
  };

  text.addEventListener("input", () => {
    asked += 1;
    plain();
    clearTimeout(later);
    later = setTimeout(look, AFTER);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    const indent = text.value.slice(0, text.selectionStart).split("\n").pop().match(/^ */)[0];
    if (!indent) return;
    event.preventDefault();
    document.execCommand("insertText", false, `\n${indent}`); /* the one way that can be undone */
  });
  faults.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.goLine), Number(link.dataset.goColumn));
  });
  addEventListener("beforeunload", (event) => {
    if (text.value !== kept && !text.form.dataset.sent) event.preventDefault();
  });
  editor.classList.add("is-live");
}

function watchTryout(place) {
  const bar = place.querySelector("progress");
  const said = place.querySelector("[data-tryout-said]");
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.tryout);
      if (!answer.ok || answer.redirected) return;
      const { runs, percent, done, of } = await answer.json();
      if (!runs) { clearInterval(timer); location.reload(); return; }
      if (of) {
        bar.value = percent;
        said.textContent = `${done} of ${of} events`;
      }
    } catch {
      /* The next look may find the house. */
    }
  }, SOON);
}

document.querySelectorAll("[data-editor]").forEach(writeIn);
document.querySelectorAll("[data-tryout]").forEach(watchTryout);
