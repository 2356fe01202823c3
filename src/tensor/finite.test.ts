import { describe, expect, test } from "vitest";
import { thrownBy } from "../../test/failures.js";
import { checkFinite, checkParameters, firstNonFinite } from "./finite.js";

describe("the first value that is not finite", () => {
  test("is found wherever it is, and none is found among the extremes of the type", () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const at of [0, 1, 499, 999]) expect(firstNonFinite(new Float32Array(1000).fill(wrong, at))).toBe(at);
    }
    expect(firstNonFinite(Float32Array.of(3.4028234e38, -3.4028234e38, 1e-45, -0))).toBe(-1);
    expect(firstNonFinite(Float64Array.of(Number.MAX_VALUE, -Number.MAX_VALUE))).toBe(-1);
    expect(firstNonFinite(new Float32Array())).toBe(-1);
  });
});

describe("a check", () => {
  test("names what cannot be done, the values, the first bad one, and how many there are", () => {
    const values = Float32Array.of(1, 2, Number.NEGATIVE_INFINITY, Number.NaN);
    expect(thrownBy(() => checkFinite(values, 'compile "net"', 'parameter "fc.bias"'))).toMatchObject({
      code: "NOT_FINITE",
      message: 'Cannot compile "net": parameter "fc.bias" is -Infinity at index 2; 2 of 4 values are not finite',
      details: { name: 'parameter "fc.bias"', index: 2, value: "-Infinity", count: 2, length: 4 },
    });
  });

  test("takes parameters in order, and passes integers and bit patterns of 16-bit floats", () => {
    const parameters = new Map([
      ["a", { data: Float32Array.of(0) }],
      ["half", { data: Uint16Array.of(0x7e00) }],
      ["b", { data: Float32Array.of(0, Number.NaN) }],
      ["c", { data: Float32Array.of(Number.NaN) }],
    ]);
    expect(thrownBy(() => checkParameters(parameters, 'export "net"'))).toMatchObject({
      message: 'Cannot export "net": parameter "b" is NaN at index 1; 1 of 2 values is not finite',
    });
    parameters.delete("b");
    parameters.delete("c");
    expect(thrownBy(() => checkParameters(parameters, 'export "net"'))).toBeNull();
  });
});
