/**
 * Weights and inputs from a formula, so that every program of the benchmark runs the very same network and their
 * outputs can be compared. The formula is that of the golden files in test/goldens; pytorch.py has it too.
 */

/** FNV-1a over the UTF-8 bytes of a name. */
function fnv1a32(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Values `offset + scale * s` for the tensor of that name, row-major; `s` in -1..1 is drawn with mulberry32 from the hash of the name. */
export function fill(key: string, count: number, scale: number, offset = 0): Float32Array {
  const out = new Float32Array(count);
  let state = fnv1a32(key);
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    out[i] = offset + scale * (((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1);
  }
  return out;
}

/** A kernel `[out, in, kh, kw]` or a dense matrix `[out, in]`: spread so that activations keep their size from layer to layer. */
export function fillWeight(key: string, shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const fanIn = count / (shape[0] ?? 1);
  return fill(key, count, 0.95 * Math.sqrt(6 / fanIn));
}

/** The input of a network, of that shape, in -1..1. */
export function fillInput(networkKey: string, shape: readonly number[]): Float32Array {
  return fill(
    `input:${networkKey}:${shape.join("x")}`,
    shape.reduce((product, size) => product * size, 1),
    1,
  );
}
