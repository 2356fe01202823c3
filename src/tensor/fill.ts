/**
 * Tensors from a formula: reproducible numbers without files, the same in every language. The scheme is the one of the
 * project's golden data (test/goldens/README.md): the draws of mulberry32, seeded by the 32-bit FNV-1a hash of a name.
 */

/** FNV-1a, 32 bits, over the UTF-8 bytes. `fnv1a32("a")` is 0xe40c292c. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A generator of numbers in [0, 1), 32 bits of state. Not for secrets. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `length` float32 values uniform in [low, high), drawn from `key`. */
export function fillUniform(key: string, length: number, low: number, high: number): Float32Array {
  const draw = mulberry32(fnv1a32(key));
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = (high - low) * draw() + low;
  return values;
}

/**
 * The golden value of a checkpoint tensor, by what its key ends with: kernels scaled by 0.95·√(6/fan_in), scales
 * 1 ± 0.2, biases and running means ± 0.1, running variances 1 ± 0.5.
 *
 * @throws RangeError for a key that is none of these
 */
export function fillCheckpointTensor(key: string, shape: readonly number[]): Float32Array {
  const { center, spread } = fillRule(key, shape);
  const draw = mulberry32(fnv1a32(key));
  const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  for (let i = 0; i < values.length; i++) values[i] = center + spread * (2 * draw() - 1);
  return values;
}

function fillRule(key: string, shape: readonly number[]): { readonly center: number; readonly spread: number } {
  const leaf = key.slice(key.lastIndexOf(".") + 1);
  if (leaf === "weight" && shape.length >= 2) {
    const fanIn = shape.slice(1).reduce((product, dim) => product * dim, 1);
    return { center: 0, spread: 0.95 * Math.sqrt(6 / fanIn) };
  }
  if (leaf === "weight") return { center: 1, spread: 0.2 };
  if (leaf === "bias" || leaf === "running_mean") return { center: 0, spread: 0.1 };
  if (leaf === "running_var") return { center: 1, spread: 0.5 };
  throw new RangeError(`Cannot fill tensor "${key}": expected a name that ends in weight, bias, running_mean or running_var`);
}
