import fc from "fast-check";
import { expect, test } from "vitest";
import { labelSetsOf } from "./label-sets.js";
import { epochOrder } from "./shuffle.js";
import { multiLabelSplit, stratifiedSplit } from "./split.js";

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

test("of images with several classes or none, each sample is in one part, and each class has its share in both", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(fc.nat(4), { maxLength: 3 }), { minLength: 40, maxLength: 120 }),
      fc.constantFrom(0, 0.1, 0.25, 0.5),
      fc.nat(),
      (sets, fraction, seed) => {
        const { train, val } = multiLabelSplit(labelSetsOf(sets), fraction, seed);
        expect([...train, ...val].sort((a, b) => a - b)).toEqual(sets.map((_, i) => i));
        expect(Math.abs(val.length - sets.length * fraction)).toBeLessThanOrEqual(fraction === 0 ? 0 : 6);
        for (const label of new Set(sets.flat())) {
          const count = (part: Uint32Array) => [...part].filter((i) => sets[i]!.includes(label)).length;
          expect(count(train)).toBeGreaterThan(0);
          // Classes that occur together pull at the same samples.
          expect(Math.abs(count(val) - (count(train) + count(val)) * fraction)).toBeLessThanOrEqual(fraction === 0 ? 0 : 4);
        }
      },
    ),
  );
});

test("a class of one sample stays in training, whatever else the sample has", () => {
  const sets = labelSetsOf([[0, 3], ...Array.from({ length: 9 }, () => [0])]);
  for (const seed of [1, 2, 3, 4, 5]) expect([...multiLabelSplit(sets, 0.5, seed).train]).toContain(0);
  expect(multiLabelSplit(sets, 0.5, 1)).toEqual(multiLabelSplit(sets, 0.5, 1));
  expect(new Set([1, 2, 3, 4, 5].map((seed) => multiLabelSplit(sets, 0.5, seed).val.join())).size).toBeGreaterThan(1);
});

test("a fraction that is none is refused", () => {
  expect(() => multiLabelSplit(labelSetsOf([[0]]), 1, 0)).toThrowError("Cannot hold out a fraction of 1");
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
