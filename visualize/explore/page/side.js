// The photograph, the answer to it, and the photographs to choose from.

import { ask, pictureOf, send } from "./api.js";
import { isCovering } from "./change.js";
import { barButton, busy, find, make, percent, plainName } from "./elements.js";
import { go, state } from "./state.js";

const PAGE = 24;
let network, listed = 0;

export function start(about) {
  network = about;
  const [height, width] = about.input;
  find("stage").style.setProperty("--ratio", `${width} / ${height}`);
  find("photo").addEventListener("click", point);
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", (event) => open(event.target.files[0]));
  find("further").addEventListener("click", list);
  document.addEventListener("paste", (event) => open([...event.clipboardData.files][0]));
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      find("veil").hidden = false;
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) find("veil").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("veil").hidden = true;
    open([...event.dataTransfer.files][0]);
  });
  credit(about.credits);
  return list();
}

function credit(photographs) {
  find("credits").hidden = !photographs.length;
  const link = (text, href) =>
    (href ? make("a", { href, rel: "noreferrer", target: "_blank" }, text) : text);
  find("credits").querySelector("ul").append(...photographs.map((one) =>
    make("li", {}, link(one.title, one.source), `, ${one.author}, `,
      link(one.licence, one.licence_url))));
}

async function list() {
  const found = await ask("gallery", "photographs", { first: listed, count: PAGE });
  listed += found.length;
  find("gallery").append(...found.map((one) => {
    const name = one.class_name ? plainName(one.class_name) : one.name;
    const image = make("img", { alt: "", loading: "lazy" });
    pictureOf(one.photo).then((src) => { image.src = src; });
    const button = make("button", { type: "button", title: name, "aria-label": name }, image);
    button.dataset.photo = one.photo;
    button.addEventListener("click", () => choose(one.photo));
    return make("li", {}, button);
  }));
  find("further").hidden = listed >= network.photographs;
  mark(state().photo);
}

async function open(file) {
  if (!file) return;
  await busy(find("stage"), async () => {
    try {
      choose((await send(file)).photo);
    } catch (error) {
      document.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }
  });
}

// The unit stays, at the place where its channel is strongest in the new photograph.
const choose = (photo) => go({ photo, change: null, y: null, x: null, point: null });

function point(event) {
  if (isCovering()) return;
  const box = event.target.getBoundingClientRect();
  const [height, width] = network.input;
  const share = (at, start, size) => Math.min(1, Math.max(0, (at - start) / size));
  const y = height * share(event.clientY, box.top, box.height);
  const x = width * share(event.clientX, box.left, box.width);
  go({ point: `${y.toFixed(1)},${x.toFixed(1)}`, layer: null, channel: null, y: null, x: null });
}

function mark(photo) {
  for (const button of find("gallery").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.photo === photo));
  }
}

export function show(found) {
  pictureOf(found.photo).then((src) => { find("photo").src = src; });
  find("photo").classList.toggle("covering", isCovering());
  const name = found.class_name ? plainName(found.class_name) : found.name;
  find("photo").alt = find("name").textContent = name;
  find("classes").replaceChildren(...found.classes.map((one) => {
    const button = barButton({ title: "Show what speaks for it" }, one.probability,
      plainName(one.name), percent(one.probability));
    button.addEventListener("click", () => go({
      layer: network.answer, channel: one.channel, y: null, x: null, point: null,
    }));
    return make("li", {}, button);
  }));
  mark(state().photo);
}

export function showField(box) {
  const field = find("field");
  field.hidden = !box;
  if (!box) return;
  const [height, width] = network.input, [top, left, bottom, right] = box;
  const share = (value, whole) => `${(100 * value) / whole}%`;
  field.style.top = share(top, height);
  field.style.left = share(left, width);
  field.style.height = share(bottom - top, height);
  field.style.width = share(right - left, width);
}
