"use strict";
const { rows, corrections } = JSON.parse(document.getElementById("data").textContent);
const store = "corrections " + rows.length + " " + rows.map((row) => row.id).join(" ").slice(0, 200);
const decided = { ...corrections }; // null where one of corrections.yaml was undone
try {
  Object.assign(decided, JSON.parse(localStorage.getItem(store) || "{}"));
} catch {
  // a browser may keep nothing for files; then decisions last until the page is closed
}
const main = document.querySelector("main");
let current = 0;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function card(row, index) {
  const text = element("div", { className: "text", innerHTML: row.shown });
  const key = element("div", { className: "key", innerHTML: row.key });
  const question = element("textarea", { rows: 4, value: row.question, ariaLabel: "The question of " + row.id });
  const answer = element("textarea", { rows: 1, value: row.answer, ariaLabel: "The key of " + row.id });
  const pictures = element("div", {});
  row.crops.forEach((crop, at) =>
    pictures.append(element("img", { src: crop, loading: "lazy", alt: (at ? "Key" : "Question") + " as printed" })));
  const reason = element("p", { className: "reason", textContent: row.reason ? "left out: " + row.reason : "" });
  const decision = element("p", { className: "decision" });
  const made = element("article", { id: "q" + index, tabIndex: -1 },
    element("h2", { textContent: row.id + " (" + row.source + ")" }), pictures,
    element("div", {}, reason, text, question, element("p", { textContent: "Key" }), key, answer, decision));
  question.addEventListener("input", () => correct(index));
  answer.addEventListener("input", () => correct(index));
  made.addEventListener("focusin", () => select(index, false));
  made.addEventListener("click", () => select(index, false));
  return made;
}

function fields(index) {
  return document.querySelectorAll("#q" + index + " textarea");
}

function correct(index) {
  const row = rows[index];
  const [question, answer] = fields(index);
  const changed = { read: row.question };
  if (question.value !== row.question) changed.question = question.value;
  if (answer.value !== row.answer) changed.answer = answer.value;
  if (Object.keys(changed).length > 1) decided[row.id] = changed;
  else decided[row.id] = null;
  keep(index);
}

function keep(index) {
  try {
    localStorage.setItem(store, JSON.stringify(decided));
  } catch {
    // as above
  }
  show(index);
}

function show(index) {
  const one = decided[rows[index].id];
  const made = document.getElementById("q" + index);
  made.classList.toggle("drop", Boolean(one && one.drop));
  const said = !one ? "" : one.drop ? "dropped" : one.question != null || one.answer != null ? "corrected" : "accepted";
  made.querySelector(".decision").textContent = said;
  document.getElementById("status").textContent =
    "Question " + (current + 1) + " of " + rows.length + "; " + Object.values(decided).filter(Boolean).length + " decided";
}

function select(index, scroll = true) {
  const made = document.getElementById("q" + index);
  if (!made) return;
  document.getElementById("q" + current).removeAttribute("aria-current");
  current = index;
  made.setAttribute("aria-current", "true");
  if (scroll) {
    made.focus({ preventScroll: true });
    made.scrollIntoView({ block: "nearest" });
  }
  show(index);
}

function step(by) {
  let next = current + by;
  while (rows[next] && document.getElementById("q" + next).hidden) next += by;
  if (rows[next]) select(next);
}

function yaml() {
  const lines = Object.keys(decided).filter((id) => decided[id]).sort().map((id) => {
    const one = Object.fromEntries(Object.entries(decided[id]).filter(([, value]) => value != null && value !== false));
    return JSON.stringify(id) + ": " + JSON.stringify(one);
  });
  return "# A person's corrections of what was read of the exams, exported by the page of `make review` (docs/own-exams.md).\n" +
    (lines.length ? lines.join("\n") : "{}") + "\n";
}

function save() {
  const link = element("a", { download: "corrections.yaml" });
  link.href = URL.createObjectURL(new Blob([yaml()], { type: "application/yaml" }));
  link.click();
  URL.revokeObjectURL(link.href);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "TEXTAREA") {
    if (event.key === "Escape") select(current);
    return;
  }
  const row = rows[current];
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    a: () => { correct(current); decided[row.id] ||= { read: row.question }; keep(current); },
    d: () => { decided[row.id] = { read: row.question, drop: true }; keep(current); },
    u: () => {
      decided[row.id] = null;
      [row.question, row.answer].forEach((value, at) => { fields(current)[at].value = value; });
      keep(current);
    },
    e: () => fields(current)[0].focus(),
    r: () => fields(current)[1].focus(),
    x: save,
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
document.getElementById("export").addEventListener("click", save);
document.getElementById("only").addEventListener("change", (event) => {
  rows.forEach((row, index) => { document.getElementById("q" + index).hidden = event.target.checked && !row.reason; });
});
rows.forEach((row, index) => main.append(card(row, index)));
rows.forEach((row, index) => {
  const one = decided[row.id];
  if (one && one.question != null) fields(index)[0].value = one.question;
  if (one && one.answer != null) fields(index)[1].value = one.answer;
  show(index);
});
if (rows.length) select(0);
