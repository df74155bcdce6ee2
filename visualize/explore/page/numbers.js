// Numbers that are written as base64.

export function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export const floats = (base64) => new Float32Array(bytesOf(base64).buffer);

// Half precision, as the weights are kept.
export function halves(base64) {
  const bits = new Uint16Array(bytesOf(base64).buffer);
  return Float32Array.from(bits, (one) => {
    const sign = one & 0x8000 ? -1 : 1, exponent = (one >> 10) & 31, rest = one & 1023;
    if (exponent === 31) return rest ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + rest / 1024) : sign * 2 ** -24 * rest;
  });
}
