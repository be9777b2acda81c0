"use strict";
// Theme: the system's until the reader chooses.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* a page opened from disk may have no storage */ }
  const apply = () => {
    root.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
    button.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  };
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", chosen); } catch { /* remembered for this visit only */ }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
})();

// Tables: a click on a heading sorts, text and menus filter.
for (const box of document.querySelectorAll("[data-table]")) {
  const body = box.querySelector("tbody");
  const rows = [...body.rows];
  const headings = [...box.querySelectorAll("thead th")];
  const search = box.querySelector("input[type=search]");
  const menus = [...box.querySelectorAll("select[data-column]")];
  const count = box.querySelector(".count");
  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

  const sort = (column, direction) => {
    const numeric = !headings[column].classList.contains("text");
    const sign = direction === "ascending" ? 1 : -1;
    const compare = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (!numeric) return sign * x.localeCompare(y);
      const [p, q] = [parseFloat(x), parseFloat(y)];
      if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q);  // missing values last
      return sign * (p - q);
    };
    for (const heading of headings) heading.removeAttribute("aria-sort");
    headings[column].setAttribute("aria-sort", direction);
    body.append(...rows.sort(compare));
  };
  headings.forEach((heading, column) => heading.querySelector("button")?.addEventListener("click", () =>
    sort(column, heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending")));

  const filter = () => {
    const words = (search?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const visible = words.every((word) => text.includes(word)) &&
        menus.every((menu) => !menu.value || value(row, Number(menu.dataset.column)) === menu.value);
      row.hidden = !visible;
      shown += visible;
    }
    if (count) count.textContent = `${shown} of ${rows.length} rows`;
  };
  search?.addEventListener("input", filter);
  for (const menu of menus) menu.addEventListener("change", filter);
  filter();
}

// Values under the pointer.
(() => {
  const tip = document.getElementById("tip");
  const show = (event) => {
    const mark = event.target.closest?.("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.tip;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY > height + 20 ? event.clientY - height - 12 : event.clientY + 16}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
})();

// The heading being read, in the navigation.
(() => {
  const links = new Map([...document.querySelectorAll("nav a[href^='#']")].map((a) => [a.hash.slice(1), a]));
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const id of links.keys()) { const section = document.getElementById(id); if (section) observer.observe(section); }
})();

// On paper nothing can be unfolded: what is folded is printed, but for long tables of numbers.
(() => {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((part) => !part.querySelector("table"));
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
})();
