import { describe, expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16, LARGEST_FLOAT16 } from "./float16.js";

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

  test("every value is written back as its own pattern, NaN as some NaN", () => {
    const written = float32ToFloat16(float16ToFloat32(ALL));
    const wrong = [...ALL].filter((bits) => written[bits] !== bits && !(Number.isNaN(definition(bits)) && isNaN16(written[bits] ?? 0)));
    expect(wrong).toEqual([]);
  });

  test("between two neighbors the nearer is written, half-way the even one", () => {
    // Positive patterns in order; beyond the largest comes 2^16, which is written as infinity.
    for (let bits = 0; bits < 0x7c00; bits++) {
      const [low, high] = [definition(bits), bits === 0x7bff ? 65_536 : definition(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const given = Float32Array.of(middle, -middle, nextFloat32(middle, -1), nextFloat32(middle, 1));
      expect([...float32ToFloat16(given)]).toEqual([even, even | 0x8000, bits, bits + 1]);
    }
    expect(definition(0x7bff)).toBe(LARGEST_FLOAT16);
    expect([...float32ToFloat16(Float32Array.of(1e-40, 3e38, Number.NEGATIVE_INFINITY))]).toEqual([0, 0x7c00, 0xfc00]);
  });
});

function isNaN16(bits: number): boolean {
  return (bits & 0x7fff) > 0x7c00;
}

/** The float32 after or before a positive one. */
function nextFloat32(value: number, step: 1 | -1): number {
  const words = new Uint32Array(Float32Array.of(value).buffer);
  words[0] = (words[0] ?? 0) + step;
  return new Float32Array(words.buffer)[0] ?? Number.NaN;
}

test("bfloat16 is the upper half of a float32", () => {
  expect([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001))]).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
});
