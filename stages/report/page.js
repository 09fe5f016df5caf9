// The list of questions: filter, search, page through, open. Text from problems and chains becomes text, or MathML elements
// that the report made of its formulas; never markup.
(() => {
  "use strict";
  const PAGE_SIZE = 50;
  const SIGNS = { C: "✓", W: "✗", N: "○", U: "?", "-": "·" };
  const WORDS = { C: "correct", W: "wrong", N: "no answer", U: "unverifiable", "-": "not asked" };
  const ROLES = {
    train: "trained on this question",
    valid: "validated on this question",
    unseen: "this question was held out",
    unused: "not trained on this question",
  };
  const find = (id) => document.getElementById(id);

  const data = JSON.parse(find("rows").textContent);
  const column = Object.fromEntries(data.columns.map((name, index) => [name, index]));
  const rows = data.rows;
  const form = find("filters");
  const list = find("list");
  let haystacks = null; // what search looks in, made at the first search
  let matches = [];
  let page = 0;

  const student = {
    all: (letters) => /^C+$/.test(letters.replaceAll("-", "")),
    none: (letters) => !letters.includes("C") && /[^-]/.test(letters),
    some: (letters) => letters.includes("C") && /[WNU]/.test(letters),
    N: (letters) => letters.includes("N"),
    U: (letters) => letters.includes("U"),
  };

  function filter() {
    const wanted = new FormData(form);
    const tests = [];
    for (const name of ["benchmark", "section", "year", "role", "base", "change", "chain"]) {
      const value = wanted.get(name);
      const index = column[name];
      if (value) tests.push((row) => String(row[index]) === value);
    }
    const verdict = student[wanted.get("student")];
    if (verdict) tests.push((row) => verdict(row[column.seeds]));
    const terms = wanted.get("search").toLowerCase().split(/\s+/).filter(Boolean);
    if (terms.length) {
      haystacks ??= rows.map((row) => `${row[column.id]} ${row[column.question]} ${row[column.key]}`.toLowerCase());
      tests.push((_, index) => terms.every((term) => haystacks[index].includes(term)));
    }
    matches = [];
    for (let index = 0; index < rows.length; index += 1) {
      if (tests.every((test) => test(rows[index], index))) matches.push(index);
    }
    show(0);
  }

  function show(number) {
    const pages = Math.max(1, Math.ceil(matches.length / PAGE_SIZE));
    page = Math.min(Math.max(number, 0), pages - 1);
    const first = page * PAGE_SIZE;
    const shown = matches.slice(first, first + PAGE_SIZE);
    list.replaceChildren(...shown.map(rowElement));
    list.hidden = !shown.length;
    find("count").textContent = matches.length
      ? `${matches.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} questions`
      : "No question matches; clear a filter to see more.";
    find("page").textContent = `Page ${page + 1} of ${pages}`;
    find("pager").hidden = pages === 1;
    find("previous").disabled = page === 0;
    find("next").disabled = page === pages - 1;
  }

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  const formulas = new Map(Object.entries(JSON.parse(find("formulas").textContent)));
  const formula = new RegExp(`(${data.formula})`);

  function mathml(node) {
    if (typeof node === "string") return node;
    const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", node[0]);
    for (const part of node.slice(1)) {
      if (typeof part === "string" || Array.isArray(part)) made.append(mathml(part));
      else for (const [name, value] of Object.entries(part)) made.setAttribute(name, value);
    }
    return made;
  }

  // A text with its formulas drawn; a whole key may be one.
  function rich(text) {
    if (!formulas.size) return [text];
    const parts = formulas.has(text) ? [text] : text.split(formula);
    return parts.map((part) => (formulas.has(part) ? mathml(formulas.get(part)) : part));
  }

  const pretty = (name) => name.replaceAll("_", " ");

  function rowElement(index) {
    const row = rows[index];
    const item = find("row").content.firstElementChild.cloneNode(true);
    const letters = row[column.base] + row[column.seeds];
    const right = [...row[column.seeds]].filter((letter) => letter === "C").length;
    item.querySelector(".where").textContent = row[column.id].split("/").map(pretty).join(" · ");
    item.querySelector(".asked").append(...rich(row[column.question]));
    const marks = item.querySelector(".marks");
    marks.append(...[...letters].map((letter) => element("b", SIGNS[letter], letter === "-" ? "missing" : letter)));
    marks.setAttribute("aria-label",
      `base ${WORDS[row[column.base]]}, ${right} of ${row[column.seeds].length} seeds correct`);
    const change = item.querySelector(".change");
    change.textContent = row[column.change] ?? "";
    change.classList.add(...(row[column.change] ?? "none").split(" "));
    const opener = item.firstElementChild;
    opener.dataset.index = index;
    opener.addEventListener("toggle", () => {
      const body = opener.querySelector(".opened");
      if (opener.open && !body.hasChildNodes()) body.append(...opened(index));
    });
    return item;
  }

  // Details lie in blocks of equal size, each parsed when one of its questions is first opened.
  const blocks = document.querySelectorAll("script.details");
  const parsed = new Map();
  function details(index) {
    const number = Math.floor(index / data.block);
    if (!parsed.has(number)) parsed.set(number, JSON.parse(blocks[number].textContent));
    return parsed.get(number)[index % data.block];
  }

  function opened(index) {
    const row = rows[index];
    const detail = details(index);
    const question = element("p", undefined, "problem");
    question.append(...rich(row[column.question]));
    const answer = element("strong");
    answer.append(...rich(row[column.key]));
    const key = element("p", "Key: ");
    key.append(answer);
    const parts = [question, key];
    if (detail.key_before) parts.push(element("p", `Key before correction: ${detail.key_before}`, "note"));
    if (detail.question_before) parts.push(element("p", `Question before correction: ${detail.question_before}`, "note"));
    if (detail.errata) parts.push(element("p", `Corrected: ${detail.errata.join("; ")}`, "note"));
    const where = [detail.source, detail.page && `page ${detail.page}`, row[column.id]].filter(Boolean);
    parts.push(element("p", where.join(", "), "note"));
    const [own, other] = split(detail.answers ?? [], (answer) => !answer.fold || data.main_folds.includes(answer.fold));
    parts.push(element("h3", "Base and student"), responses(own, (answer) => pretty(answer.model)));
    const [full, shorter] = split(detail.chains ?? [], (chain) => chain.level === "R1");
    if (full.length) parts.push(element("h3", "Teacher"), responses(full, (chain) => chain.model));
    if (other.length) {
      parts.push(folded("Answers under the study’s protocol", responses(other, (answer) => pretty(answer.model))));
    }
    if (shorter.length || detail.levels) {
      parts.push(folded("Shorter chains, and the students trained on each length",
        element("h3", "Chains"), responses(shorter, (chain) => chain.level),
        element("h3", "Answers"), responses(detail.levels ?? [], (answer) => pretty(answer.model))));
    }
    return parts;
  }

  function split(items, test) {
    return [items.filter(test), items.filter((item) => !test(item))];
  }

  function folded(title, ...content) {
    const made = element("details");
    made.append(element("summary", title), ...content);
    return made;
  }

  function responses(items, title) {
    const made = element("div", undefined, "responses");
    if (!items.length) made.append(element("p", "None on file.", "note"));
    made.append(...items.map((item) => response(item, title(item))));
    return made;
  }

  function response(item, title) {
    const made = find("response").content.firstElementChild.cloneNode(true);
    made.querySelector("h4").textContent = item.sample ? `${title}, sample ${item.sample}` : title;
    const badge = made.querySelector(".badge");
    badge.textContent = `${SIGNS[item.verdict]} ${item.reason ? "rejected" : WORDS[item.verdict]}`;
    badge.classList.add(item.verdict);
    const text = made.querySelector("pre");
    text.append(...rich(item.text || "(empty)"));
    text.setAttribute("aria-label", `Response of ${title}`);
    const facts = {
      "final answer": item.extracted && `${item.extracted}${item.found_by ? ` (${pretty(item.found_by)})` : ""}`,
      rule: item.rule && pretty(item.rule),
      "key read as": item.gold_form,
      "answer read as": item.answer_form,
      rejected: item.reason && pretty(item.reason),
      note: [
        item.rounding && "right within rounding",
        item.before && `before errata: ${item.before.toLowerCase().replace("_", " ")}`,
        item.finish === "length" && "cut at the token cap",
        item.fold && `adapter ${item.fold}: ${ROLES[item.role]}`,
        item.attempt && `attempt ${item.attempt}`,
        ...(item.flags ?? []).map(pretty),
      ].filter(Boolean).join("; "),
    };
    const terms = made.querySelector("dl");
    for (const [name, value] of Object.entries(facts)) {
      if (value) terms.append(element("dt", name), element("dd", value));
    }
    return made;
  }

  // The questions found, a column for each model: what the rows hold, with words for letters.
  function save() {
    const names = data.columns.filter((name) => name !== "base" && name !== "seeds");
    const lines = matches.map((index) => {
      const row = rows[index];
      const letters = row[column.base] + row[column.seeds];
      return [...names.map((name) => row[column[name]]), ...[...letters].map((letter) => WORDS[letter])];
    });
    saveCsv("questions", [[...names, "base", ...data.students], ...lines]);
  }

  // `#questions?change=lost&year=2022` shows that selection; `#question/ID` opens one question.
  function follow() {
    const target = decodeURIComponent(location.hash.slice(1));
    if (!/^questions?[?/]/.test(target)) return;
    for (const control of form.elements) if (control.name) control.value = "";
    if (target.startsWith("questions?")) {
      for (const [name, value] of new URLSearchParams(target.slice(10))) {
        if (form.elements[name]) form.elements[name].value = value;
      }
      filter();
      find("questions").scrollIntoView();
    } else {
      filter();
      const place = rows.findIndex((row) => row[column.id] === target.slice(9));
      if (place < 0) return;
      show(Math.floor(place / PAGE_SIZE));
      const opener = list.querySelector(`details[data-index="${place}"]`);
      opener.open = true;
      opener.scrollIntoView();
      opener.firstElementChild.focus({ preventScroll: true });
    }
  }

  // `/` goes to the search; arrows go from it into the list, along the list, and back.
  function keys(event) {
    const target = event.target;
    const summary = (item) => item?.querySelector("summary");
    const item = target.matches("#list > li > details > summary") ? target.closest("li") : null;
    let next = null;
    if (event.key === "/" && !target.matches("input, select")) next = form.elements.search;
    else if (event.key === "ArrowDown" && target === form.elements.search) next = summary(list.firstElementChild);
    else if (event.key === "ArrowDown" && item) next = summary(item.nextElementSibling);
    else if (event.key === "ArrowUp" && item) next = summary(item.previousElementSibling) ?? form.elements.search;
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }

  function turn(step) {
    show(page + step);
    find("count").scrollIntoView({ block: "nearest" });
    list.querySelector("summary")?.focus({ preventScroll: true });
  }

  const THEMES = { "": ["◐", "as the system"], light: ["☀", "light"], dark: ["☾", "dark"] };
  function theme(name) {
    const [sign, words] = THEMES[name];
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    find("theme").textContent = sign;
    find("theme").setAttribute("aria-label", `Colours: ${words}`);
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  find("save").addEventListener("click", save);
  find("theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    theme(names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length]);
  });
  document.addEventListener("keydown", keys);
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
