/** The two 16-bit float formats as float32, which holds both exactly. */

/** float16 bit patterns → float32 values. Every float16 is a float32, so nothing is lost. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = float32Bits(bits[i] as number);
  return new Float32Array(words.buffer);
}

/** The largest finite float16; what rounds to more becomes infinite. */
export const LARGEST_FLOAT16 = 65_504;

/** float32 values → the nearest float16 bit patterns, of two equally near ones the even one (IEEE 754's default rounding). */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = float16Bits(words[i] as number);
  return bits;
}

function float16Bits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 | ((magnitude >> 13) & 0x3ff) : 0);
  // From 65520 on the nearest would be 2^16, which is infinite.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // At least 2⁻¹⁴: 13 bits of the fraction go, the exponent biases differ by 112. A carry moves into the exponent, as it should.
  if (magnitude >= 0x38800000) return sign | halvedToEven(magnitude - (112 << 23), 13);
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | halvedToEven((magnitude & 0x7fffff) | 0x800000, shift);
}

/** value / 2^shift, rounded to the nearest integer, of two equally near ones the even one. */
function halvedToEven(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const rest = value & (2 * half - 1);
  const whole = value >>> shift;
  return whole + (rest > half || (rest === half && (whole & 1) === 1) ? 1 : 0);
}

/** bfloat16 bit patterns → float32 values: the 16 bits are the upper half of the float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
  return new Float32Array(words.buffer);
}

function float32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
  // The exponent biases differ by 112.
  if (magnitude >= 0x400) return sign | ((magnitude << 13) + (112 << 23));
  if (magnitude === 0) return sign;
  // Subnormal: magnitude · 2⁻²⁴, whose leading bit becomes the hidden one.
  const shift = Math.clz32(magnitude) - 21;
  return sign | ((113 - shift) << 23) | (((magnitude << shift) & 0x3ff) << 13);
}
