import { expect, test } from "vitest";
import { portableExp, portableLog } from "./elementary.js";
import { philox4x32, type Random, randomStream } from "./random.js";

const draws = (n: number, draw: () => number) => Float64Array.from({ length: n }, draw);
const mean = (values: Float64Array) => values.reduce((sum, each) => sum + each, 0) / values.length;
const variance = (values: Float64Array) => {
  const center = mean(values);
  return mean(values.map((each) => (each - center) ** 2));
};
const stream = (index = 0): Random => randomStream({ seed: 5, purpose: "test", index });

test("Philox gives the known answers of its authors' Random123", () => {
  // kat_vectors of Random123 1.14, "philox4x32 10": counter, key, result.
  const known = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const;
  for (const [counter, [key0, key1], expected] of known) {
    const block = Uint32Array.from(counter);
    philox4x32(block, key0, key1);
    expect([...block]).toEqual(expected);
  }
});

test("the words of a key are the blocks of its counter", () => {
  // seed 2^32 + 3: key 3 and fnv1a32("a"); counter block 0 then 1, index 7, epoch 2, upper part of the seed 1.
  const random = randomStream({ seed: 2 ** 32 + 3, purpose: "a", epoch: 2, index: 7 });
  const expected: number[] = [];
  for (const block of [0, 1]) {
    const counter = Uint32Array.of(block, 7, 2, 1);
    philox4x32(counter, 3, 0xe40c292c);
    expected.push(...counter);
  }
  expect(Array.from({ length: 8 }, () => random.word())).toEqual(expected);
});

test("logarithm and exponential agree with the engine's to rounding", () => {
  for (let i = 1; i < 2000; i++) {
    const x = i / 37;
    expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThan(2e-15);
    expect(Math.abs(portableExp(x - 27) / Math.exp(x - 27) - 1)).toBeLessThan(2e-15);
  }
  for (const x of [5e-324, 1e-300, 1e-10, 1, 1e300]) expect(portableLog(x)).toBeCloseTo(Math.log(x), 11);
  expect([portableExp(-800), portableExp(0), portableExp(710)]).toEqual([0, 1, Number.POSITIVE_INFINITY]);
  expect(portableExp(-740) / Math.exp(-740)).toBeCloseTo(1, 2);
  expect(() => portableLog(0)).toThrowError("Cannot compute the logarithm of 0: expected a positive number");
  expect(() => portableExp(Number.NaN)).toThrowError("Cannot compute the exponential of NaN: expected a number");
});

test("uniform numbers have the moments and the spread of a uniform distribution", () => {
  const random = stream();
  const values = draws(100_000, () => random.uniform());
  expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / 1e5));
  expect(variance(values)).toBeCloseTo(1 / 12, 3);
  expect(values.every((each) => each >= 0 && each < 1)).toBe(true);
  // Kolmogorov-Smirnov at the 0.1 % level: 1.95 / sqrt(n).
  const sorted = values.slice().sort();
  const distance = Math.max(...sorted.map((each, i) => Math.abs(each - (i + 0.5) / sorted.length)));
  expect(distance).toBeLessThan(1.95 / Math.sqrt(1e5));
  expect(draws(1000, () => random.uniform(-3, 5)).every((each) => each >= -3 && each < 5)).toBe(true);
});

test("integers below n are equally likely", () => {
  const random = stream(1);
  const counts = new Int32Array(7);
  for (let i = 0; i < 70_000; i++) counts[random.below(7)]! += 1;
  // Chi square with 6 degrees of freedom: 22.5 is exceeded once in a thousand.
  expect(counts.reduce((sum, count) => sum + (count - 1e4) ** 2 / 1e4, 0)).toBeLessThan(22.5);
  expect(random.below(1)).toBe(0);
  expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
  expect(() => random.below(0)).toThrowError("Cannot generate an integer below 0: expected an integer from 1 to 2^32");
});

test("normal numbers have the moments of a normal distribution", () => {
  const random = stream(2);
  const values = draws(100_000, () => random.normal());
  expect(Math.abs(mean(values))).toBeLessThan(4 / Math.sqrt(1e5));
  expect(Math.abs(variance(values) - 1)).toBeLessThan(4 * Math.sqrt(2 / 1e5));
  expect(mean(values.map((each) => each ** 3))).toBeCloseTo(0, 1);
  expect(Math.abs(mean(values.map((each) => each ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / 1e5));
  // 68.27 % within one deviation.
  expect(values.filter((each) => Math.abs(each) < 1).length / 1e5).toBeCloseTo(0.6827, 2);
  expect(mean(draws(20_000, () => random.normal(10, 0.5)))).toBeCloseTo(10, 1);
});

test.each([
  [1, 1],
  [0.2, 0.2],
  [0.01, 0.01],
  [2, 5],
])("Beta(%d, %d) has its mean and variance", (a, b) => {
  const random = stream(3);
  const values = draws(20_000, () => random.beta(a, b));
  const expected = (a * b) / ((a + b) ** 2 * (a + b + 1));
  expect(values.every((each) => each >= 0 && each <= 1)).toBe(true);
  expect(Math.abs(mean(values) - a / (a + b))).toBeLessThan(4 * Math.sqrt(expected / 2e4));
  expect(Math.abs(variance(values) / expected - 1)).toBeLessThan(0.05);
});

test("a permutation holds each number once, every order equally likely", () => {
  expect([...stream(4).permutation(1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...stream().permutation(0)]).toEqual([]);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = stream(i).permutation(3).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // Chi square with 5 degrees of freedom: 20.5 is exceeded once in a thousand.
  expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5);
});

test("every field of the key changes the numbers, and nothing else does", () => {
  const first = (key: Parameters<typeof randomStream>[0]) => randomStream(key).uniform();
  const base = { seed: 1, purpose: "a", epoch: 1, index: 1 };
  expect(first(base)).toBe(first({ ...base }));
  const others = [
    { ...base, seed: 2 },
    { ...base, seed: 1 + 2 ** 32 },
    { ...base, purpose: "b" },
    { ...base, epoch: 2 },
    { ...base, index: 2 },
  ];
  expect(new Set([base, ...others].map(first)).size).toBe(6);
});

test("keys out of range are refused", () => {
  expect(() => randomStream({ seed: -1, purpose: "a" })).toThrowError(
    "Cannot generate random numbers with seed -1: expected an integer from 0 to 2^53 - 1",
  );
  expect(() => randomStream({ seed: 0, purpose: "a", epoch: 2 ** 32 })).toThrowError(
    "Cannot generate random numbers with epoch 4294967296: expected an integer from 0 to 2^32 - 1",
  );
  expect(() => randomStream({ seed: 0, purpose: "a", index: 0.5 })).toThrowError(
    "Cannot generate random numbers with index 0.5: expected an integer from 0 to 2^32 - 1",
  );
  expect(() => stream().beta(0, 1)).toThrowError("Cannot sample Beta(0, 1): expected two positive numbers");
});
