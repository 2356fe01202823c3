/**
 * Perceptual hashes of 64 bits: which of the 8 × 8 lowest frequencies of the cosine transform of 32 × 32 area averages are above
 * their median. This is pHash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010) in the form of
 * the Python package ImageHash, which keeps the constant term.
 */
import { areaAverages, type LumaSums, type Part } from "./luma-grid.js";

/** Sides of the averages, and of the frequencies that are kept. */
const SIDE = 32;
const KEPT = 8;

/** Two words of 32 bits: rows 0 to 3 of the frequencies, then rows 4 to 7, the first frequency in the highest bit. */
export type HashWords = readonly [high: number, low: number];

/** cos(π u (2x + 1) / 64): the type-II transform without its factor, which no comparison with the median sees. */
const COSINES = Float64Array.from({ length: KEPT * SIDE }, (_, at) => {
  const [u, x] = [Math.floor(at / SIDE), at % SIDE];
  return Math.cos((Math.PI * u * (2 * x + 1)) / (2 * SIDE));
});

/** The hash of a part of an image, and of the same part mirrored from left to right. */
export function perceptualHash(grid: LumaSums, part: Part): { readonly hash: HashWords; readonly mirrored: HashWords } {
  const frequencies = lowFrequencies(areaAverages(grid, part, SIDE));
  // Mirrored, a cosine of odd frequency changes its sign and one of even frequency stays.
  return { hash: bitsOf(frequencies), mirrored: bitsOf(frequencies.map((value, at) => (at % 2 === 0 ? value : -value))) };
}

/**
 * The 8 × 8 lowest frequencies of 32 × 32 values, rows of vertical frequency.
 *
 * @internal for the test
 */
export function lowFrequencies(values: Float64Array): Float64Array {
  const across = new Float64Array(SIDE * KEPT);
  for (let y = 0; y < SIDE; y++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += values[y * SIDE + x]! * COSINES[u * SIDE + x]!;
      across[y * KEPT + u] = sum;
    }
  }
  const frequencies = new Float64Array(KEPT * KEPT);
  for (let v = 0; v < KEPT; v++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += across[y * KEPT + u]! * COSINES[v * SIDE + y]!;
      frequencies[v * KEPT + u] = sum;
    }
  }
  return frequencies;
}

function bitsOf(frequencies: Float64Array): HashWords {
  const sorted = frequencies.toSorted();
  const median = (sorted[31]! + sorted[32]!) / 2;
  const word = (from: number): number => {
    let bits = 0;
    for (let at = from; at < from + 32; at++) bits = (bits << 1) | (frequencies[at]! > median ? 1 : 0);
    return bits >>> 0;
  };
  return [word(0), word(32)];
}

/** Number of bits in which two hashes differ. */
export function hammingDistance(a: HashWords, b: HashWords): number {
  return ones(a[0] ^ b[0]) + ones(a[1] ^ b[1]);
}

/** Bits that are set in a word, by sums of neighbors. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
