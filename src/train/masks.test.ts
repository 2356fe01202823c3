import { expect, test } from "vitest";
import { dropoutMasks } from "./masks.js";

const feed = { name: "dropout:head", shape: [100, 100], dropRate: 0.2 };
const valuesOf = (key: { seed: number; step: number; part: number }, name = feed.name) =>
  dropoutMasks([{ ...feed, name }], key)[name]?.data ?? [];

test("a mask is 0 or 1/(1 − rate), in the right shares", () => {
  const values = Array.from(valuesOf({ seed: 1, step: 0, part: 0 }), Number);
  expect(new Set(values)).toEqual(new Set([0, 1.25]));
  // 10,000 draws: the share of zeros has the standard deviation √(0.2·0.8/10000) = 0.004.
  expect(Math.abs(values.filter((value) => value === 0).length / values.length - 0.2)).toBeLessThan(0.016);
});

test("it depends on seed, step, part and name, and on nothing else", () => {
  const base = { seed: 1, step: 3, part: 0 };
  expect(valuesOf(base)).toEqual(valuesOf(base));
  for (const other of [
    { ...base, seed: 2 },
    { ...base, step: 4 },
    { ...base, part: 1 },
  ])
    expect(valuesOf(other)).not.toEqual(valuesOf(base));
  expect(valuesOf(base, "dropout:other")).not.toEqual(valuesOf(base));
});
