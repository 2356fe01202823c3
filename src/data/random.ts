/**
 * Random numbers that depend on nothing but their key: the same key gives the same numbers on every platform, in every
 * thread and in any order of asking. So a sample is augmented the same way whichever worker does it, and an epoch can be
 * entered in its middle.
 *
 * The words come from Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), a function
 * from a counter and a key to 128 bits. Everything above it uses only +, -, *, / and the square root, which IEEE 754
 * rounds exactly, and the logarithm and exponential of elementary.ts.
 */
import { InceptionError } from "../errors.js";
import { fnv1a32 } from "../tensor/fill.js";
import { portableExp, portableLog } from "./elementary.js";

/** Key of a stream of random numbers. Keys that differ in any field give independent streams. */
export interface RandomKey {
  /** Of the whole run: an integer of 0 to 2^53 - 1. */
  readonly seed: number;
  /** Purpose of the numbers, such as "shuffle". */
  readonly purpose: string;
  /** 0 to 2^32 - 1, default 0. */
  readonly epoch?: number;
  /** Of the sample, batch or class: 0 to 2^32 - 1, default 0. */
  readonly index?: number;
}

/** A stream of numbers; each call takes the next ones. */
export interface Random {
  /** An integer of 0 to 2^32 - 1. */
  word(): number;
  /** A number in [low, high), of 53 random bits; default [0, 1). */
  uniform(low?: number, high?: number): number;
  /** An integer of 0 to n - 1, each as likely as the other; n of 1 to 2^32. */
  below(n: number): number;
  /** True with this probability; takes numbers also where it is 0 or 1. */
  chance(probability: number): boolean;
  /** Gaussian; default mean 0 and standard deviation 1. */
  normal(mean?: number, deviation?: number): number;
  /** Beta distributed in [0, 1], both parameters positive. */
  beta(a: number, b: number): number;
  /** The integers 0 to n - 1 in random order. */
  permutation(n: number): Uint32Array;
}

/**
 * The stream of a key.
 *
 * @throws InceptionError OPTION_INVALID when the seed, epoch or index is no integer of its range
 *
 * @example
 * ```ts
 * import { randomStream } from "inceptionkit/data";
 * const random = randomStream({ seed: 1, purpose: "example", index: 7 });
 * random.below(6) < 6; // true: the same number each time
 * ```
 */
export function randomStream(key: RandomKey): Random {
  const word = words(key);
  const uniform = (low = 0, high = 1): number => {
    const bits = (word() >>> 5) * 67108864 + (word() >>> 6);
    return low + (high - low) * (bits / 9007199254740992);
  };
  const below = (n: number): number => below32(word, n);
  const normal = (mean = 0, deviation = 1): number => mean + deviation * polarNormal(uniform);
  return {
    word,
    uniform,
    below,
    chance: (probability) => uniform() < probability,
    normal,
    beta: (a, b) => beta(a, b, uniform, normal),
    permutation: (n) => {
      const order = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        const kept = order[i]!;
        order[i] = order[j]!;
        order[j] = kept;
      }
      return order;
    },
  };
}

const WORD = 4294967296;

function words({ seed, purpose, epoch = 0, index = 0 }: RandomKey): () => number {
  if (!Number.isSafeInteger(seed) || seed < 0) throw keyFault("seed", seed, "0 to 2^53 - 1");
  if (!Number.isInteger(epoch) || epoch < 0 || epoch >= WORD) throw keyFault("epoch", epoch, "0 to 2^32 - 1");
  if (!Number.isInteger(index) || index < 0 || index >= WORD) throw keyFault("index", index, "0 to 2^32 - 1");
  const key0 = seed >>> 0;
  const key1 = fnv1a32(purpose);
  const counter = Uint32Array.of(0, index, epoch, Math.floor(seed / WORD));
  const block = new Uint32Array(4);
  let used = 4;
  return () => {
    if (used === 4) {
      block.set(counter);
      philox4x32(block, key0, key1);
      counter[0] = counter[0]! + 1;
      used = 0;
    }
    return block[used++]!;
  };
}

function keyFault(field: string, value: number, range: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot generate random numbers with ${field} ${value}: expected an integer from ${range}`, {
    [field]: value,
  });
}

/**
 * Philox4x32 with 10 rounds, in place: the block of random words that belongs to a counter under a key.
 *
 * @param counter four words, which become the result
 */
export function philox4x32(counter: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = [counter[0]!, counter[1]!, counter[2]!, counter[3]!];
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** The upper 32 bits of the product of two unsigned 32-bit integers, by halves of 16 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (carry >>> 16);
}

function below32(word: () => number, n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > WORD) {
    throw new InceptionError("OPTION_INVALID", `Cannot generate an integer below ${n}: expected an integer from 1 to 2^32`, { n });
  }
  // Words of the last, incomplete run of n are drawn again; otherwise small results would be more likely.
  const limit = WORD - (WORD % n);
  let drawn = word();
  while (drawn >= limit) drawn = word();
  return drawn % n;
}

/** Marsaglia's polar method: a point of the unit disc, moved outwards. One of its two results is enough here. */
function polarNormal(uniform: (low: number, high: number) => number): number {
  for (;;) {
    const u = uniform(-1, 1);
    const v = uniform(-1, 1);
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * portableLog(s)) / s);
  }
}

type Draw = () => number;

/** Two gamma variates give a beta variate, x / (x + y); as logarithms, since for small parameters both would be 0. */
function beta(a: number, b: number, uniform: Draw, normal: Draw): number {
  if (!(a > 0 && b > 0 && a < Number.POSITIVE_INFINITY && b < Number.POSITIVE_INFINITY)) {
    throw new InceptionError("OPTION_INVALID", `Cannot sample Beta(${a}, ${b}): expected two positive numbers`, { a, b });
  }
  const x = logGamma(a, uniform, normal);
  const y = logGamma(b, uniform, normal);
  return 1 / (1 + portableExp(y - x));
}

/**
 * Logarithm of a Gamma(shape, 1) variate: Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS
 * 26 (2000); below shape 1 by their remark Gamma(a) = Gamma(a + 1) * U^(1/a).
 */
function logGamma(shape: number, uniform: Draw, normal: Draw): number {
  if (shape < 1) return logGamma(shape + 1, uniform, normal) + portableLog(1 - uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal();
    const t = 1 + c * x;
    if (t <= 0) continue;
    const v = t * t * t;
    // 1 - uniform lies in (0, 1], where the logarithm is finite.
    if (portableLog(1 - uniform()) < 0.5 * x * x + d - d * v + d * portableLog(v)) return portableLog(d) + portableLog(v);
  }
}
