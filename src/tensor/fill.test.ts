import { expect, test } from "vitest";
import { fillCheckpointTensor, fillUniform, fnv1a32, mulberry32 } from "./fill.js";

test("the hash and the generator give the published values", () => {
  // FNV-1a's own test vectors.
  expect([fnv1a32(""), fnv1a32("a"), fnv1a32("foobar")]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  // Over UTF-8 bytes: "ü" is c3 bc.
  expect(fnv1a32("ü")).toBe(Math.imul(Math.imul(0x811c9dc5 ^ 0xc3, 0x01000193) ^ 0xbc, 0x01000193) >>> 0);
  const draw = mulberry32(fnv1a32("a"));
  expect([draw(), draw(), draw()]).toEqual([0.621685681398958, 0.30822347407229245, 0.36686075991019607]);
});

test("uniform values stay in their range and depend on the key alone", () => {
  const values = fillUniform("key", 1000, -2, 3);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
  expect(Math.max(...values)).toBeLessThan(3);
  expect(fillUniform("key", 10, -2, 3)).toEqual(values.slice(0, 10));
  expect(fillUniform("other", 10, -2, 3)).not.toEqual(values.slice(0, 10));
});

test("a checkpoint tensor is filled by what its name ends with", () => {
  const range = (key: string, shape: readonly number[]): readonly [number, number] => {
    const values = fillCheckpointTensor(key, shape);
    return [Math.min(...values), Math.max(...values)];
  };
  const kernel = 0.95 * Math.sqrt(6 / (3 * 5 * 5));
  expect(range("a.weight", [40, 3, 5, 5])).toEqual([expect.closeTo(-kernel, 2), expect.closeTo(kernel, 2)]);
  expect(range("a.weight", [1000])).toEqual([expect.closeTo(0.8, 2), expect.closeTo(1.2, 2)]);
  expect(range("a.bias", [1000])).toEqual([expect.closeTo(-0.1, 2), expect.closeTo(0.1, 2)]);
  expect(range("a.running_mean", [1000])).toEqual([expect.closeTo(-0.1, 2), expect.closeTo(0.1, 2)]);
  expect(range("a.running_var", [1000])).toEqual([expect.closeTo(0.5, 2), expect.closeTo(1.5, 2)]);
  expect(() => fillCheckpointTensor("a.num_batches_tracked", [])).toThrow(
    new RangeError('Cannot fill tensor "a.num_batches_tracked": expected a name that ends in weight, bias, running_mean or running_var'),
  );
});
