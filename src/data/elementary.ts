/**
 * Logarithm and exponential out of the four basic operations, which every platform rounds the same way. The language
 * leaves the last bit of `Math.log` and `Math.exp` to the engine; where random numbers must be the same everywhere, one
 * bit can decide between two crops.
 */

/** ln 2 in two parts: the first has 21 zero bits at its end, so that small multiples of it are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** Natural logarithm of a positive finite number, to about 1e-16 relative to the larger of 1 and the result. */
export function portableLog(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) throw new RangeError(`Cannot compute the logarithm of ${x}: expected a positive number`);
  let mantissa = x;
  let exponent = 0;
  for (; mantissa >= Math.SQRT2; exponent++) mantissa /= 2;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  // ln m = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.172: 12 terms leave less than 1e-19.
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let odd = 23; odd >= 1; odd -= 2) sum = sum * square + 1 / odd;
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * sum);
}

/** e to the power of a finite number, to about 1e-15 of the result; 0 below -745, Infinity above 709.78. */
export function portableExp(x: number): number {
  if (Number.isNaN(x)) throw new RangeError("Cannot compute the exponential of NaN: expected a number");
  if (x < -745) return 0;
  if (x > 709.78) return Number.POSITIVE_INFINITY;
  const power = Math.round(x / Math.LN2);
  const rest = x - power * LN2_HIGH - power * LN2_LOW;
  // |rest| <= 0.347: the term of degree 14 is below 1e-17.
  let sum = 1;
  for (let degree = 14; degree >= 1; degree--) sum = 1 + (rest / degree) * sum;
  for (let k = power; k > 0; k--) sum *= 2;
  for (let k = power; k < 0; k++) sum /= 2;
  return sum;
}

/** Cosine of an angle in degrees, rounded to 15 decimals, at which every platform agrees. */
export function roundedCosine(degrees: number): number {
  return roundedSine(90 - degrees);
}

/** Sine of an angle of at most 1e6 degrees, rounded to 15 decimals. */
export function roundedSine(degrees: number): number {
  // Within -90 to 90 degrees: the sine is the same on both sides of 90.
  const circle = degrees - 360 * Math.round(degrees / 360);
  const angle = (Math.abs(circle) > 90 ? Math.sign(circle) * 180 - circle : circle) * (Math.PI / 180);
  const square = angle * angle;
  // |angle| <= 1.571: the term of degree 25 is below 1e-20.
  let sum = 1;
  for (let degree = 23; degree >= 3; degree -= 2) sum = 1 - (square / (degree * (degree - 1))) * sum;
  return Math.round(angle * sum * 1e15) / 1e15;
}
