"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: as the system has it, or as chosen here.
  const themes = ["auto", "light", "dark"];
  const toggle = byId("theme");
  const remember = (value) => {
    try { return value ? localStorage.setItem("theme", value) : localStorage.getItem("theme"); }
    catch { return null; } // A page opened from a file may not keep anything.
  };
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    toggle.textContent = `Theme: ${theme}`;
  };
  let theme = themes.includes(remember()) ? remember() : "auto";
  show(theme);
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    remember(theme);
    show(theme);
  });

  // Filter: by layer, and by a channel's number or words in its classes' names.
  const form = byId("filter");
  const fold = (text) => text.normalize("NFKD").toLowerCase();
  const matches = (card, words) =>
    words.every((word) => /^\d+$/.test(word)
      ? card.dataset.channel === word
      : card.folded.includes(word));
  const filter = () => {
    const words = fold(byId("words").value).split(/[\s,]+/).filter(Boolean);
    const wanted = form.elements.layer.value;
    let shown = 0, total = 0;
    for (const layer of all(".layer")) {
      let inLayer = 0;
      for (const card of all(".card", layer)) {
        card.folded ??= fold(card.dataset.words);
        const visible = (!wanted || wanted === layer.dataset.layer) && matches(card, words);
        card.hidden = !visible;
        inLayer += visible;
        total += 1;
      }
      layer.hidden = !inLayer;
      shown += inLayer;
    }
    byId("count").textContent = `${shown} of ${total} channels`;
    byId("nothing").hidden = shown > 0;
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    filter();
  }

  // Zoom: a click or Enter opens, arrows go to the next one shown, Escape closes.
  const dialog = byId("zoom");
  const content = byId("zoom-content");
  let current = null;
  const group = (item) => {
    const cards = Boolean(item.closest(".card"));
    return all("[data-zoom]").filter((other) =>
      Boolean(other.closest(".card")) === cards && !other.closest("[hidden]"));
  };
  const enlarge = (item) => {
    current = item;
    byId("zoom-title").textContent = item.dataset.title;
    const card = item.closest(".card");
    if (card) {
      content.replaceChildren(
        item.querySelector(".pair").cloneNode(true),
        card.querySelector("details .scroll").cloneNode(true),
      );
    } else {
      const image = item.querySelector("img").cloneNode();
      image.className = "whole";
      image.addEventListener("click", () => image.classList.toggle("actual"));
      content.replaceChildren(image);
    }
    content.scrollTo(0, 0);
    if (!dialog.open) dialog.showModal();
  };
  const step = (by) => {
    const items = group(current);
    enlarge(items[(items.indexOf(current) + by + items.length) % items.length]);
  };
  for (const item of all("[data-zoom]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "open";
    button.setAttribute("aria-label", `Enlarge ${item.dataset.title}`);
    button.addEventListener("click", () => enlarge(item));
    item.append(button);
  }
  const near = (button, key) => {
    const buttons = all(".card .open").filter((other) => !other.closest("[hidden]"));
    const at = buttons.indexOf(button);
    if (key === "ArrowLeft" || key === "ArrowRight")
      return buttons[at + (key === "ArrowRight" ? 1 : -1)];
    const from = button.getBoundingClientRect();
    const below = key === "ArrowDown";
    const rows = buttons
      .map((other) => ({ other, box: other.getBoundingClientRect() }))
      .filter(({ box }) => (below ? box.top > from.top + 4 : box.top < from.top - 4));
    const distance = ({ box }) =>
      Math.abs(box.top - from.top) * 4 + Math.abs(box.left - from.left);
    return rows.sort((one, two) => distance(one) - distance(two))[0]?.other;
  };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (dialog.open) {
      if (event.key === "ArrowRight") step(1);
      else if (event.key === "ArrowLeft") step(-1);
      else return;
      event.preventDefault();
    } else if (event.target.matches(".card .open") && event.key.startsWith("Arrow")) {
      near(event.target, event.key)?.focus();
      event.preventDefault();
    }
  });
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // opened again before this was heard
    content.replaceChildren();
    current?.querySelector(".open")?.focus();
  });
})();
