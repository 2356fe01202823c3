import fc from "fast-check";
import { expect, test } from "vitest";
import { InceptionError } from "../../src/errors.js";
import { opDef } from "../../src/ops/index.js";
import { broadcastShapes } from "../../src/ops/kit/elementwise.js";
import { elementCount } from "../../src/tensor/tensor.js";
import { NAIVE_OPS } from "../naive-ops.js";

const size = fc.constantFrom(1, 1, 2, 3);
const shape = fc.array(size, { maxLength: 4 });
const SITE = { op: "add", path: "x" };

test("broadcasting is symmetric, and one tensor is copied exactly as the loops copy it", () => {
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      const rank = Math.max(a.length, b.length);
      const [left, right] = [a, b].map((sizes) => [...new Array<number>(rank - sizes.length).fill(1), ...sizes]);
      const fits = left?.every((dim, axis) => dim === right?.[axis] || dim === 1 || right?.[axis] === 1);
      if (!fits) {
        expect(() => broadcastShapes(a, b, SITE)).toThrow(InceptionError);
        return;
      }
      const result = broadcastShapes(a, b, SITE);
      expect(broadcastShapes(b, a, SITE)).toEqual(result);
      const zeros = (sizes: readonly number[]) => ({ shape: sizes, data: new Float32Array(elementCount(sizes)) });
      expect(NAIVE_OPS.add([zeros(a), zeros(b)], {}).shape).toEqual(result);
    }),
  );
});

test("a slice takes as many elements as walking from start to end meets, or is refused", () => {
  const index = fc.integer({ min: -9, max: 9 });
  const step = fc.integer({ min: -4, max: 4 }).filter((value) => value !== 0);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), index, index, step, (length, start, end, stride) => {
      const attributes = { starts: [start], ends: [end], axes: [0], steps: [stride] };
      const infer = () => opDef("slice").infer([{ dtype: "float32", shape: [length] }], attributes, { op: "slice", path: "x" });
      const walked = NAIVE_OPS.slice([{ shape: [length], data: new Float32Array(length) }], attributes).shape[0] ?? 0;
      if (walked === 0) expect(infer).toThrow(InceptionError);
      else expect(infer()[0]?.shape).toEqual([walked]);
    }),
    { numRuns: 1000 },
  );
});

test("a reshape keeps the number of elements, or is refused", () => {
  const target = fc.array(fc.constantFrom(-1, 0, 1, 2, 3, 4, 6), { maxLength: 4 });
  fc.assert(
    fc.property(shape, target, (sizes, wanted) => {
      const infer = () => opDef("reshape").infer([{ dtype: "float32", shape: sizes }], { shape: wanted }, { op: "reshape", path: "x" });
      let result: readonly number[];
      try {
        result = (infer()[0]?.shape ?? []).map(Number);
      } catch (error) {
        expect(error).toBeInstanceOf(InceptionError);
        return;
      }
      expect(result.length).toBe(wanted.length);
      expect(elementCount(result)).toBe(elementCount(sizes));
      for (const [axis, dim] of wanted.entries()) if (dim >= 0) expect(result[axis]).toBe(dim === 0 ? sizes[axis] : dim);
    }),
  );
});
