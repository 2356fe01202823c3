import { expect, test } from "vitest";
import { describeModel } from "../models/index.js";
import { INITIALIZERS, type Initializer, initialParameters } from "./initialize.js";

const graph = describeModel("googlenet.public", { widthMultiplier: 0.5, numClasses: 10 });

function moments(path: string, initializer: Initializer) {
  const values = initialParameters(graph, 3, initializer).get(path)?.data;
  if (!(values instanceof Float32Array)) throw new RangeError(`Cannot find ${path}`);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, deviation, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0), count: values.length };
}

// conv3.conv at half width is [96, 32, 3, 3]: fan in 288, fan out 864, 27648 values; a mean of so many is off by σ/166,
// their deviation by σ/235, and 4 of these are hardly ever exceeded.
test.each([
  { initializer: "he_normal", deviation: Math.sqrt(2 / 288), limit: (2 / 0.8796) * Math.sqrt(2 / 288) },
  { initializer: "xavier_uniform", deviation: Math.sqrt(6 / (288 + 864)) / Math.sqrt(3), limit: Math.sqrt(6 / (288 + 864)) },
  { initializer: "truncated_normal", deviation: 0.01 * 0.8796, limit: 0.02 },
] as const)("$initializer has the spread that its formula gives", ({ initializer, deviation, limit }) => {
  const found = moments("conv3.conv.weight", initializer);
  expect(found.count).toBe(27648);
  expect(Math.abs(found.mean)).toBeLessThan((4 * deviation) / 166);
  expect(Math.abs(found.deviation - deviation)).toBeLessThan((4 * deviation) / 235);
  expect(found.largest).toBeLessThan(limit * 1.0001);
  expect(found.largest).toBeGreaterThan(limit * 0.97);
});

test("scales and variances are 1, shifts, means and biases 0", () => {
  const values = initialParameters(graph, 3);
  const all = (ending: string) =>
    new Set(graph.parameters.filter(({ path }) => path.endsWith(ending)).flatMap(({ path }) => [...(values.get(path)?.data ?? [])]));
  expect(all("bn.weight")).toEqual(new Set([1]));
  expect(all("running_var")).toEqual(new Set([1]));
  expect(all("bias")).toEqual(new Set([0]));
  expect(all("running_mean")).toEqual(new Set([0]));
});

test("the seed decides, and nothing else", () => {
  const [once, again, other] = [1, 1, 2].map((seed) => initialParameters(graph, seed).get("fc.weight")?.data);
  expect(once).toEqual(again);
  expect(once).not.toEqual(other);
});

test("an initializer that does not exist is named", () => {
  const name: string = "zeros";
  // A caller in JavaScript may pass anything.
  expect(() => initialParameters(graph, 1, name as Initializer)).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: `Cannot initialize "googlenet.public" with initializer "zeros": expected one of ${INITIALIZERS.join(", ")}`,
    }),
  );
});
