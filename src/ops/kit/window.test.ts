import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { windowStarts } from "../../../test/naive.js";
import { inferPool } from "./pool.js";
import { type WindowAttributes, windowSizes } from "./window.js";

const SITE = { op: "maxPool", path: "pool" };

/** One axis of a window and the size it slides over, whether it fits or not. Pads stay below the kernel, the constraint of pools. */
const anyAxis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 7 }),
    stride: fc.integer({ min: 1, max: 5 }),
    dilation: fc.integer({ min: 1, max: 4 }),
    begin: fc.nat(6),
    end: fc.nat(6),
    size: fc.integer({ min: 1, max: 40 }),
  })
  .map((axis) => ({ ...axis, begin: axis.begin % axis.kernel, end: axis.end % axis.kernel }));

type Axis = typeof anyAxis extends fc.Arbitrary<infer T> ? T : never;

/** One that fits without rounding up. */
const fittingAxis = anyAxis.filter(({ kernel, dilation, begin, end, size }) => dilation * (kernel - 1) + 1 <= size + begin + end);

function windowOver(axes: readonly Axis[]): WindowAttributes {
  return {
    kernelShape: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)],
  };
}

describe("the sizes behind a window", () => {
  test("are the number of places where the window can be put, floor and ceil, any rank; without a place it is refused", () => {
    fc.assert(
      fc.property(fc.array(anyAxis, { minLength: 1, maxLength: 3 }), fc.boolean(), (axes, ceilMode) => {
        const window = windowOver(axes);
        const sizes = axes.map(({ size }) => size);
        const counted = sizes.map((size, axis) => windowStarts(size, window, axis, ceilMode).length);
        const infer = () => windowSizes(sizes, window, ceilMode, SITE);
        if (counted.includes(0)) expect(infer).toThrow(`Cannot infer shape of maxPool "pool": window of `);
        else expect(infer()).toEqual(counted);
      }),
      { numRuns: 3000 },
    );
  });

  test("a pool keeps images and channels and has these sizes", () => {
    fc.assert(
      fc.property(
        fc.array(fittingAxis, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (axes, ceilMode, channels) => {
          const window = windowOver(axes);
          const sizes = axes.map(({ size }) => size);
          const [y] = inferPool([{ dtype: "float32", shape: ["N", channels, ...sizes] }], { ...window, ceilMode }, SITE);
          expect(y?.shape).toEqual(["N", channels, ...windowSizes(sizes, window, ceilMode, SITE)]);
        },
      ),
    );
  });

  test("ceil gives at most one place more than floor, and none where the division is exact", () => {
    fc.assert(
      fc.property(fittingAxis, (axis) => {
        const window = windowOver([axis]);
        const [floor = 0] = windowSizes([axis.size], window, false, SITE);
        const [ceil = 0] = windowSizes([axis.size], window, true, SITE);
        const rest = (axis.size + axis.begin + axis.end - axis.dilation * (axis.kernel - 1) - 1) % axis.stride;
        expect(ceil - floor).toBeGreaterThanOrEqual(0);
        expect(ceil - floor).toBeLessThanOrEqual(rest === 0 ? 0 : 1);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    // The layers of the networks, by hand: size, kernel, stride, pad, ceil → out.
    [224, 7, 2, 3, false, 112],
    [112, 3, 2, 0, true, 56],
    [14, 2, 2, 0, true, 7],
    [14, 3, 2, 0, true, 7],
    [14, 5, 3, 0, true, 4],
    [299, 3, 2, 0, false, 149],
    [17, 3, 2, 0, false, 8],
    // Caffe and PyTorch drop a window that starts in the end padding: ceil((5 + 2 − 2)/2) + 1 = 4 starts at 5.
    [5, 2, 2, 1, true, 3],
    // The third and fourth pool of GoogLeNet on 15 pixels: their only window sticks out.
    [2, 3, 2, 0, true, 1],
    [1, 2, 2, 0, true, 1],
  ])("size %i, kernel %i, stride %i, pad %i, ceil %s → %i", (size, kernel, stride, pad, ceilMode, out) => {
    const window = { kernelShape: [kernel], strides: [stride], dilations: [1], pads: [pad, pad] };
    expect(windowSizes([size], window, ceilMode, SITE)).toEqual([out]);
  });
});
