/** What charts share: coordinates, steps of axes, and lines with gaps. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** 1, 2 or 5 times a power of ten, so that about `count` steps span the range. */
export function niceStep(span: number, count: number): number {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((each) => each * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** The multiples of a step from `low` to `high`. */
export function ticks(low: number, high: number, step: number): readonly number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** A path through points in pixels; null is a gap. */
export function linePath(points: readonly (Point | null)[]): string {
  let path = "";
  let pen = "M";
  for (const point of points) {
    if (point !== null) path += `${pen}${px(point.x)} ${px(point.y)}`;
    pen = point === null ? "M" : "L";
  }
  return path;
}

/** A coordinate in a tenth of a pixel, which is finer than anything shown. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
