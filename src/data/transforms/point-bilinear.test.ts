import { expect, test } from "vitest";
import { resizePointBilinear } from "./point-bilinear.js";

const SIZES = [
  [13, 17, 5, 7],
  [13, 17, 29, 31],
  [24, 24, 24, 11],
  [1, 9, 4, 4],
  [40, 53, 37, 1],
] as const;

function noise(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
}

// TensorFlow.js computes positions in double precision, TensorFlow and PyTorch in single: up to 53 pixels * 2^-24 apart, times a contrast of 255.
const TOLERANCE = 1e-3;

test("equal to TensorFlow's resizeBilinear without and with half-pixel centers", async () => {
  const tf = await import("@tensorflow/tfjs");
  await tf.setBackend("cpu");
  for (const [h, w, height, width] of SIZES) {
    const data = noise(w, h);
    for (const filter of ["tf1_bilinear", "torch_bilinear"] as const) {
      const input = tf.tensor3d(Float32Array.from(data), [h, w, 3]);
      const expected = await tf.image.resizeBilinear(input, [height, width], false, filter === "torch_bilinear").data();
      const { data: result } = resizePointBilinear({ width: w, height: h, channels: 3, data }, { width, height, filter });
      const worst = result.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
      expect(worst, `${h} x ${w} to ${height} x ${width}, ${filter}`).toBeLessThan(TOLERANCE);
    }
  }
});

test("a window is cut out of the whole", () => {
  const image = { width: 13, height: 9, channels: 3, data: noise(13, 9) };
  const whole = resizePointBilinear(image, { width: 21, height: 8, filter: "torch_bilinear" });
  const part = resizePointBilinear(image, {
    width: 21,
    height: 8,
    filter: "torch_bilinear",
    window: { left: 4, top: 3, width: 5, height: 2 },
  });
  expect(part.data.subarray(0, 15)).toEqual(whole.data.subarray((3 * 21 + 4) * 3, (3 * 21 + 9) * 3));
  expect(part.data.subarray(15)).toEqual(whole.data.subarray((4 * 21 + 4) * 3, (4 * 21 + 9) * 3));
});

test("sizes that are none are refused", () => {
  const image = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) };
  expect(() => resizePointBilinear(image, { width: -1, height: 1, filter: "tf1_bilinear" })).toThrowError(
    "Cannot resize to -1 x 1 with the window -1 x 1 at 0, 0: expected positive integers and a window inside the result",
  );
});
