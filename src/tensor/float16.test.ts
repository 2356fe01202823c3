import { describe, expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from "./float16.js";

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

  test("every number survives the way there and back", () => {
    const numbers = ALL.filter((bits) => (bits & 0x7fff) <= 0x7c00);
    expect(float32ToFloat16(float16ToFloat32(numbers))).toEqual(numbers);
  });

  test("values between two neighbours go to the nearer, halves to the even one", () => {
    const round = (value: number): number => float32ToFloat16(Float32Array.of(value))[0] as number;
    for (const bits of [0x0000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0x7bfe]) {
      const [low, high] = [definition(bits), definition(bits + 1)];
      const middle = (low + high) / 2;
      expect(round(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(round(low + (high - low) * 0.49)).toBe(bits);
      expect(round(low + (high - low) * 0.51)).toBe(bits + 1);
    }
    expect(round(65519)).toBe(0x7bff);
    expect(round(65520)).toBe(0x7c00);
    expect(round(Number.NaN)).toBe(0x7e00);
    expect(round(-1e30)).toBe(0xfc00);
  });
});

test("bfloat16 is the upper half of a float32", () => {
  expect([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001))]).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
});
