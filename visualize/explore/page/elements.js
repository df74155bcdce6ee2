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
