import { describe, expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32 } from "./float16.js";

/** The value of a float16 by its definition (IEEE 754-2008, table 3.5). */
function definition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const ALL = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

describe("float16", () => {
  test("every bit pattern has the value of the definition", () => {
    const values = float16ToFloat32(ALL);
    const wrong = [...ALL].filter((bits) => !Object.is(values[bits], definition(bits)));
    expect(wrong).toEqual([]);
  });
});

test("bfloat16 is the upper half of a float32", () => {
  expect([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001))]).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
});
