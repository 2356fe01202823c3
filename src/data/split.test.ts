import fc from "fast-check";
import { expect, test } from "vitest";
import { epochOrder } from "./shuffle.js";
import { stratifiedSplit } from "./split.js";

test("each class gives its share, at least one and never all", () => {
  // 10 of class 0, 3 of class 1, 1 of class 2: a fifth is 2, round(0.6) = 1, none.
  const labels = [...new Array<number>(10).fill(0), 1, 1, 1, 2];
  const { train, val } = stratifiedSplit(labels, 0.2, 7);
  const count = (part: Uint32Array, label: number) => [...part].filter((i) => labels[i] === label).length;
  expect([0, 1, 2].map((label) => count(val, label))).toEqual([2, 1, 0]);
  expect([0, 1, 2].map((label) => count(train, label))).toEqual([8, 2, 1]);
  expect(stratifiedSplit(labels, 0.2, 7)).toEqual({ train, val });
  expect(stratifiedSplit(labels, 0, 7).val.length).toBe(0);
});

test("seeds choose differently", () => {
  const labels = new Array<number>(50).fill(0);
  const choices = new Set([1, 2, 3, 4].map((seed) => stratifiedSplit(labels, 0.2, seed).val.join()));
  expect(choices.size).toBe(4);
});

test("every sample is in exactly one part, for any labels", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(5), { maxLength: 60 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.nat(),
      (labels, fraction, seed) => {
        const { train, val } = stratifiedSplit(labels, fraction, seed);
        expect([...train, ...val].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
        for (const label of new Set(labels)) expect([...train].some((i) => labels[i] === label)).toBe(true);
      },
    ),
  );
});

test("a fraction that is none is refused", () => {
  expect(() => stratifiedSplit([0, 1], 1, 0)).toThrowError("Cannot hold out a fraction of 1 for validation: expected a number in [0, 1)");
});

test("an epoch reads each sample once, in an order of its own", () => {
  const order = (epoch: number, shuffle = true) => [...epochOrder(20, { seed: 3, epoch, shuffle })];
  const inOrder = Array.from({ length: 20 }, (_, i) => i);
  expect(order(0).sort((a, b) => a - b)).toEqual(inOrder);
  expect(order(0)).toEqual(order(0));
  expect(order(1)).not.toEqual(order(0));
  expect(order(0)).not.toEqual(inOrder);
  expect(order(4, false)).toEqual(inOrder);
});
