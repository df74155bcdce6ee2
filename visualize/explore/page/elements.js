// Makes elements; text is always text, never HTML.

export const find = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const picture = (src, alt) => make("img", { src, alt, draggable: false });

// A button with a name, a value and a bar as long as a share (0-1).
export function barButton(properties, share, name, value) {
  const bar = make("span", { className: "bar" });
  bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return make("button", { type: "button", ...properties }, bar,
    make("span", { className: "name" }, name), make("span", { className: "share" }, value));
}

export const number = (value) =>
  Math.abs(value) >= 1000 ? value.toPrecision(4) : Number(value.toPrecision(3)).toString();

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const plainName = (name) => name.replace(/^n\d{8} /, "");
export const say = (text) => { find("status").textContent = text; };

export async function busy(element, work) {
  element.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    element.removeAttribute("aria-busy");
  }
}
