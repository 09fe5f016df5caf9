// Tables: sort by a column, save as CSV, say when one goes on beyond the screen. Without this script they are plain tables.
const plain = (text) => text.trim().replaceAll("\u00a0", " ").replaceAll("−", "-").replace(/^–$/, "");

function saveCsv(name, rows) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map((row) => row.map((cell) => quoted(plain(String(cell ?? "")))).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

{
  // The number that a cell begins with: `+47.1 (+40.4 to +53.8)` is 47.1, `< 0.001` is below every other p-value.
  function number(text) {
    const found = /^(<?) ?([+-]?[\d,]*\.?\d+)(?![^\s%,/(])/.exec(text);
    return found ? Number(found[2].replaceAll(",", "")) - (found[1] ? 1e-9 : 0) : NaN;
  }

  function order(rows, column, sign) {
    const keys = new Map(rows.map((row) => [row, plain(row.cells[column].textContent)]));
    const numeric = [...keys.values()].every((text) => !text || !Number.isNaN(number(text)));
    return [...rows].sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      if (!a || !b) return Number(!a) - Number(!b); // what is missing stays last
      return sign * (numeric ? number(a) - number(b) : a.localeCompare(b, "en", { numeric: true }));
    });
  }

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const rows = [...body.rows];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.ariaSort] ?? null;
        const wanted = head.ariaSort ? next : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        if (wanted) head.setAttribute("aria-sort", wanted);
        body.append(...(wanted ? order(rows, column, wanted === "ascending" ? 1 : -1) : rows));
      });
    });
  }

  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    const scroll = box.querySelector(".scroll");
    const save = box.querySelector(".save");
    sortable(table);
    save.hidden = false;
    save.addEventListener("click", () => {
      saveCsv(table.caption.textContent, [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent)));
    });
    new ResizeObserver(() => {
      box.querySelector(".hint").hidden = scroll.scrollWidth <= scroll.clientWidth;
    }).observe(scroll);
  }
}
