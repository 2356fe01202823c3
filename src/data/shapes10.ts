/**
 * A dataset that needs no files: ten classes of colored shapes and textures, drawn from formulas. Where a shape is, how
 * large and how far it is turned, both colors, shading and noise are random; what is drawn is the class.
 *
 * With `objects` an image has several of them, none to that many, each in a square of a grid: images with several classes.
 *
 * An image depends on seed, split, index and the largest number of objects only. All steps are exact arithmetic, so the pixels are the
 * same everywhere.
 */

import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { type DatasetSource, datasetSource } from "./dataset-source.js";
import type { Image } from "./image.js";
import { labelSetsOf } from "./label-sets.js";
import { type Random, randomStream } from "./random.js";

/** Names of the classes; without `objects`, sample i belongs to class i mod 10. */
export const SHAPES10_CLASSES = [
  "checkerboard",
  "cross",
  "diagonal_stripes",
  "disc",
  "dots",
  "horizontal_stripes",
  "ring",
  "square",
  "triangle",
  "vertical_stripes",
] as const;

/** Size and seed of the synthetic set `shapes10`. */
export interface Shapes10Options {
  /** Training images, 10 to 10,000,000. Default 2000. */
  readonly train?: number;
  /** Validation images, 0 to 10,000,000. Default 500. */
  readonly val?: number;
  /** Side of the images in pixels, 8 to 1024. Default 32. */
  readonly size?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Largest number of objects in an image, 1 to 9, for images with several classes or none. Default: one object that fills the image. */
  readonly objects?: number;
}

const DEFAULTS = { train: 2000, val: 500, size: 32, seed: 1 } as const;
const RANGES = { train: [10, 1e7], val: [0, 1e7], size: [8, 1024], seed: [0, Number.MAX_SAFE_INTEGER], objects: [1, 9] } as const;

/**
 * Reads "shapes10", "shapes10?train=1000&val=200&size=64&seed=3" or "shapes10?objects=4".
 *
 * @throws InceptionError OPTION_INVALID naming the part that is none of these or out of its range
 */
export function parseShapes10(source: string): Shapes10Options {
  const [name, query = "", ...rest] = source.split("?");
  if (name !== "shapes10" || rest.length > 0)
    throw fault(source, 'expected "shapes10", optionally with "?train=2000&val=500&size=32&seed=1"');
  const options: Partial<Record<keyof typeof RANGES, number>> = {};
  for (const part of query.split("&").filter((each) => each !== "")) {
    const [key = "", value = ""] = part.split("=");
    if (!isOption(key)) throw fault(source, `"${key.slice(0, 40)}" is not a setting, expected train, val, size, seed or objects`);
    if (!/^\d{1,16}$/.test(value)) throw fault(source, `${key} is "${value.slice(0, 40)}", expected an integer`);
    options[key] = Number(value);
  }
  checkOptions(source, { ...DEFAULTS, ...options });
  return options;
}

function isOption(key: string): key is keyof typeof RANGES {
  return Object.hasOwn(RANGES, key);
}

function checkOptions(source: string, options: Shapes10Options): void {
  for (const key of ["train", "val", "size", "seed", "objects"] as const) {
    const [low, high] = RANGES[key];
    const value = options[key];
    if (value === undefined) continue;
    if (Number.isSafeInteger(value) && value >= low && value <= high) continue;
    throw fault(source, `${key} is ${value}, expected an integer from ${low} to ${formatCount(high)}`);
  }
}

function fault(source: string, fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot use the dataset "${source.slice(0, 200)}": ${fact}`, { source });
}

/**
 * The training and validation parts; no image is drawn before it is read.
 *
 * @throws InceptionError OPTION_INVALID when a number is out of its range
 */
export function shapes10(options: Shapes10Options = {}): { readonly train: DatasetSource; readonly val: DatasetSource | null } {
  const wanted = { ...DEFAULTS, ...options };
  checkOptions("shapes10", wanted);
  const { seed, size: side, objects } = wanted;
  const part = (split: "train" | "val", count: number) => {
    const indices = Uint32Array.from({ length: count }, (_, i) => i);
    if (objects === undefined) {
      const labels = Int32Array.from(indices, (i) => i % SHAPES10_CLASSES.length);
      return datasetSource("shapes10", SHAPES10_CLASSES, labels, { kind: "shapes10", split, seed, side, indices });
    }
    const sets = labelSetsOf(Array.from(indices, (index) => placeObjects({ seed, split, index, objects }).map(({ label }) => label)));
    return datasetSource("shapes10", SHAPES10_CLASSES, sets, { kind: "shapes10", split, seed, side, indices, objects });
  };
  return { train: part("train", wanted.train), val: wanted.val === 0 ? null : part("val", wanted.val) };
}

/** Image of the dataset to render. */
export interface Shapes10Picture {
  readonly seed: number;
  readonly split: "train" | "val";
  readonly index: number;
  /** Side in pixels. */
  readonly side: number;
  /** Largest number of objects. Default: one that fills the image. */
  readonly objects?: number;
}

interface PlacedObject {
  /** Square of the grid, by rows. */
  readonly cell: number;
  readonly label: number;
}

/** The objects of an image: their number, squares and classes are random, without regard to how they are drawn. */
function placeObjects({ seed, split, index, objects }: Omit<Required<Shapes10Picture>, "side">): readonly PlacedObject[] {
  const random = randomStream({ seed, purpose: `shapes10 ${split} objects ${objects}`, index });
  const cells = random.permutation(gridSide(objects) ** 2);
  return Array.from(cells.subarray(0, random.below(objects + 1)), (cell) => ({ cell, label: random.below(DRAWERS.length) }));
}

/** Squares of the grid in a row. */
function gridSide(objects: number): number {
  return Math.ceil(Math.sqrt(objects));
}

/** What is drawn: how much a point shows of a color in front of the ground, and which. */
interface Drawing {
  readonly back: Color;
  readonly at: (x: number, y: number) => { readonly front: Color; readonly inside: number } | undefined;
}

function drawOne(random: Random, label: number, side: number): Drawing {
  const coverage = DRAWERS[label]!(random, side);
  const [front, back] = twoColors(random);
  return { back, at: (x, y) => ({ front, inside: coverage(x, y) }) };
}

/** Each object in its square, drawn as in an image of that size. */
function drawObjects(random: Random, placed: readonly PlacedObject[], side: number, grid: number): Drawing {
  const back = anyColor(random);
  const cellSide = side / grid;
  const drawn = new Map(
    placed.map(({ cell, label }) => [cell, { coverage: DRAWERS[label]!(random, cellSide), front: frontOf(random, back) }]),
  );
  const at: Drawing["at"] = (x, y) => {
    const [column, row] = [Math.floor(x / cellSide), Math.floor(y / cellSide)];
    const found = drawn.get(row * grid + column);
    return found && { front: found.front, inside: found.coverage(x - column * cellSide, y - row * cellSide) };
  };
  return { back, at };
}

/** Draws one image; its class is `index mod 10`, with `objects` it has those that `shapes10` lists for it. */
export function renderShapes10(picture: Shapes10Picture): Image {
  const { seed, split, index, side, objects } = picture;
  const random = randomStream({ seed, purpose: `shapes10 ${split}`, index });
  const { back, at } =
    objects === undefined
      ? drawOne(random, index % DRAWERS.length, side)
      : drawObjects(random, placeObjects({ seed, split, index, objects }), side, gridSide(objects));
  // Both colors change evenly across the picture, by up to a fifth of the range from edge to edge.
  const shade = { x: random.uniform(-25, 25) / side, y: random.uniform(-25, 25) / side };
  const noise = random.uniform(2, 10);
  const grain = randomStream({ seed, purpose: `shapes10 ${split} grain`, index });
  const data = new Uint8Array(side * side * 3);
  let to = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const { front, inside } = at(x + 0.5, y + 0.5) ?? { front: back, inside: 0 };
      const light = shade.x * (x - side / 2) + shade.y * (y - side / 2);
      const word = grain.word();
      for (let c = 0; c < 3; c++) {
        const value = back[c]! + (front[c]! - back[c]!) * inside + light + noise * (((word >>> (8 * c)) & 255) / 127.5 - 1);
        data[to++] = Math.min(255, Math.max(0, Math.floor(value + 0.5)));
      }
    }
  }
  return { width: side, height: side, channels: 3, data };
}

/** How much of the pixel around a point is covered, 0 to 1. */
type Coverage = (x: number, y: number) => number;

/** From the signed distance to an edge, in pixels and negative inside: an edge is a ramp one pixel wide. */
function covered(distance: number): number {
  return Math.min(1, Math.max(0, 0.5 - distance));
}

/** Turned by an angle given as its tangent, which needs no sine: cos = 1 / sqrt(1 + t^2), sin = t cos. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly cos: number;
  readonly sin: number;
}

function frame(random: Random, tangent: number, x: number, y: number): Frame {
  const t = random.uniform(-tangent, tangent);
  const cos = 1 / Math.sqrt(1 + t * t);
  return { x, y, cos, sin: t * cos };
}

/** tan 12 degrees. */
const SLIGHT = 0.213;

/** A shape somewhere in the picture, wholly inside; `distance` gets coordinates from its center and its radius, in pixels. */
function shape(distance: (u: number, v: number, radius: number) => number) {
  return (random: Random, side: number): Coverage => {
    const radius = side * random.uniform(0.27, 0.42);
    const place = () => random.uniform(radius * 1.15, side - radius * 1.15);
    const { x, y, cos, sin } = frame(random, SLIGHT, place(), place());
    return (px, py) => {
      const dx = px - x;
      const dy = py - y;
      return covered(distance(cos * dx + sin * dy, cos * dy - sin * dx, radius));
    };
  };
}

/** A pattern that fills the picture; `distance` gets turned coordinates with a random origin and the length of a period. */
function pattern(distance: (u: number, v: number, period: number) => number, turn: "none" | "eighth" = "none") {
  return (random: Random, side: number): Coverage => {
    // At least five pixels, or two stripes would melt into gray.
    const period = Math.max(5, side * random.uniform(0.16, 0.34));
    const slight = frame(random, SLIGHT, random.uniform(0, period), random.uniform(0, period));
    const sign = random.chance(0.5) ? 1 : -1;
    // Turned by a further 45 degrees to one side: cos and sin are 1 / sqrt 2, of either sign.
    const cos = turn === "none" ? slight.cos : (slight.cos - sign * slight.sin) * Math.SQRT1_2;
    const sin = turn === "none" ? slight.sin : (slight.sin + sign * slight.cos) * Math.SQRT1_2;
    return (px, py) => covered(distance(cos * px + sin * py + slight.x, cos * py - sin * px + slight.y, period));
  };
}

/** Distance to the nearest edge of stripes that are as wide as their gaps, along one coordinate. */
function stripes(u: number, period: number): number {
  const phase = u / period - Math.floor(u / period);
  return (0.25 - Math.abs(phase - 0.5)) * period;
}

function box(u: number, v: number, halfWidth: number, halfHeight: number): number {
  return Math.max(Math.abs(u) - halfWidth, Math.abs(v) - halfHeight);
}

function disc(u: number, v: number, radius: number): number {
  return Math.sqrt(u * u + v * v) - radius;
}

/** Equilateral and upright: a base and two sides that fall away at 60 degrees. */
function triangle(u: number, v: number, radius: number): number {
  return Math.max(v - radius / 2, (Math.sqrt(3) / 2) * Math.abs(u) - v / 2 - radius / 2);
}

/** Squares of both colors alternate: an edge in either direction swaps them. Shown is the nearer edge. */
function checks(u: number, v: number, period: number): number {
  const a = stripes(u, period);
  const b = stripes(v, period);
  const nearest = Math.min(Math.abs(a), Math.abs(b));
  return a < 0 === b < 0 ? -nearest : nearest;
}

function dots(u: number, v: number, period: number): number {
  const fromMiddle = (w: number) => w - (Math.floor(w / period) + 0.5) * period;
  return disc(fromMiddle(u), fromMiddle(v), period * 0.32);
}

/** In the order of SHAPES10_CLASSES. */
const DRAWERS: readonly ((random: Random, side: number) => Coverage)[] = [
  pattern((u, v, period) => checks(u, v, period * 1.3)),
  shape((u, v, r) => Math.min(box(u, v, r, r * 0.3), box(u, v, r * 0.3, r))),
  pattern((u, _, period) => stripes(u, period), "eighth"),
  shape(disc),
  pattern(dots),
  pattern((_, v, period) => stripes(v, period)),
  shape((u, v, r) => Math.abs(disc(u, v, r * 0.8)) - r * 0.2),
  shape((u, v, r) => box(u, v, r * 0.8, r * 0.8)),
  shape(triangle),
  pattern((u, _, period) => stripes(u, period)),
];

type Color = readonly [red: number, green: number, blue: number];

/** Two colors that differ in brightness, so that the drawing can be told from its ground also without color. */
function twoColors(random: Random): readonly [front: Color, back: Color] {
  const back = anyColor(random);
  return [frontOf(random, back), back];
}

function anyColor(random: Random): Color {
  return [random.uniform(15, 240), random.uniform(15, 240), random.uniform(15, 240)];
}

function luma([r, g, b]: Color): number {
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

function frontOf(random: Random, back: Color): Color {
  for (let tries = 0; tries < 64; tries++) {
    const front = anyColor(random);
    if (Math.abs(luma(front) - luma(back)) >= 75) return front;
  }
  return luma(back) < 128 ? [230, 230, 230] : [25, 25, 25];
}
