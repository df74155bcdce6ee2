// Asks the server. A newer question of the same panel cancels the older one.

const waiting = new Map();

export class Refused extends Error {}

export async function ask(panel, path, parameters = {}) {
  waiting.get(panel)?.abort();
  const controller = new AbortController();
  waiting.set(panel, controller);
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined),
  );
  return answer(fetch(`api/${path}?${query}`, { signal: controller.signal }));
}

export function cancel(...panels) {
  for (const panel of panels) waiting.get(panel)?.abort();
}

export function send(file) {
  const query = new URLSearchParams({ name: file.name || "pasted" });
  return answer(fetch(`api/photographs?${query}`, { method: "POST", body: file }));
}

// The address of a photograph's picture.
export const pictureOf = async (key) => `api/photographs/${encodeURIComponent(key)}/picture`;

async function answer(request) {
  let response;
  try {
    response = await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(
      "The server does not answer. Start it again and open the address that it prints.",
    );
  }
  if (response.status === 404 && !response.headers.get("content-type")) {
    throw new Refused("Another server answers here. Open the address that yours has printed.");
  }
  const found = await response.json();
  if (!response.ok) throw new Refused(found.error);
  return found;
}
