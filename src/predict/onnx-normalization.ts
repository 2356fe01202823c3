/** The normalizations of a recipe as ONNX nodes; the laws are those of src/data/volumes/intensity.ts. */
import type { Normalization } from "../data/volumes/intensity.js";
import type { Ops } from "./onnx-ops.js";

/** One channel [N, 1, D, H, W] with what is known of its volume, each [N, 1, 1, 1, 1]. */
export interface Given {
  readonly x: string;
  readonly normalization: Normalization;
  readonly statistics: Readonly<Record<string, string>>;
}

/** Normalize by given statistics. @returns [N, C, D, H, W] */
export function normalizeGiven(ops: Ops, channels: readonly Given[]): string {
  const normalized = channels.map(
    ({ x, normalization, statistics: { mean = "", standard_deviation: deviation = "", lower = "", upper = "" } }) => {
      if (normalization.name === "ct_window") return hounsfield(ops, x, normalization);
      const limited = normalization.name === "percentiles" ? limit(ops, x, lower, upper) : x;
      const part = inRegion(ops, limited, normalization.region);
      const score = ops.add("Div", [ops.add("Sub", [limited, mean]), deviation]);
      return withSpread(ops, part, deviation, ops.float("zero", 0), score);
    },
  );
  return joined(ops, normalized);
}

/** Normalize by the statistics of the value itself, which are computed in double precision. @returns [N, C, D, H, W] */
export function normalizeWhole(ops: Ops, channels: readonly string[], normalizations: readonly Normalization[]): string {
  const normalized = channels.map((x, channel) => {
    const normalization = normalizations[channel] ?? { name: "z_score", region: "all" };
    if (normalization.name === "ct_window") return hounsfield(ops, x, normalization);
    const limited = normalization.name === "percentiles" ? limitToPercentiles(ops, x, normalization) : x;
    return zScore(ops, limited, inRegion(ops, limited, normalization.region));
  });
  return joined(ops, normalized);
}

function joined(ops: Ops, channels: readonly string[]): string {
  const [only = ""] = channels;
  return channels.length === 1 ? only : ops.add("Concat", channels, { axis: 1 });
}

function hounsfield(ops: Ops, x: string, { center, width }: Extract<Normalization, { name: "ct_window" }>): string {
  const low = ops.float(`low_${center}_${width}`, center - width / 2);
  const share = ops.add("Div", [ops.add("Sub", [x, low]), ops.float(`width_${width}`, width)]);
  const limited = ops.add("Clip", [share, ops.float("zero", 0), ops.float("one", 1)]);
  return ops.add("Where", [ops.add("IsNaN", [x]), ops.float("zero", 0), limited]);
}

/** Which voxels count and are changed: finite ones, and not 0 where air was set to 0. */
function inRegion(ops: Ops, x: string, region: "all" | "nonzero"): string {
  const finite = ops.add("Not", [ops.add("Or", [ops.add("IsNaN", [x]), ops.add("IsInf", [x])])]);
  return region === "all" ? finite : ops.add("And", [finite, ops.add("Not", [ops.add("Equal", [x, ops.float("zero", 0)])])]);
}

/** NaN stays. */
function limit(ops: Ops, x: string, lower: string, upper: string): string {
  const limited = ops.add("Min", [ops.add("Max", [x, lower]), upper]);
  return ops.add("Where", [ops.add("IsNaN", [x]), x, limited]);
}

/** The score within the part, 0 outside it and where there is no spread. */
function withSpread(ops: Ops, part: string, deviation: string, zero: string, score: string): string {
  return ops.add("Where", [ops.add("And", [part, ops.add("Greater", [deviation, zero])]), score, zero]);
}

function zScore(ops: Ops, x: string, part: string): string {
  const counted = ops.cast(part, "double");
  const values = ops.cast(ops.add("Where", [part, x, ops.float("zero", 0)]), "double");
  const count = ops.add("Max", [sumOfVolume(ops, counted), ops.double("one", 1)]);
  const mean = ops.add("Div", [sumOfVolume(ops, values), count]);
  const distance = ops.add("Mul", [ops.add("Sub", [values, mean]), counted]);
  const variance = ops.add("Div", [sumOfVolume(ops, ops.add("Mul", [distance, distance])), count]);
  const deviation = ops.add("Sqrt", [variance]);
  return ops.cast(withSpread(ops, part, deviation, ops.double("zero", 0), ops.add("Div", [distance, deviation])), "float");
}

/** Of [N, 1, D, H, W], each volume for itself: [N, 1, 1, 1, 1]. */
function sumOfVolume(ops: Ops, x: string): string {
  return ops.add("ReduceSum", [x, ops.ints("spatial", [2, 3, 4])], { keepdims: 1 });
}

function limitToPercentiles(ops: Ops, x: string, normalization: Extract<Normalization, { name: "percentiles" }>): string {
  const part = inRegion(ops, x, normalization.region);
  // What does not count is put behind everything else.
  const kept = ops.add("Where", [part, x, ops.float("infinity", Number.POSITIVE_INFINITY)]);
  const rows = ops.add("Reshape", [kept, ops.ints("rows", [0, -1])]);
  const [sorted = ""] = ops.addAll("TopK", [rows, ops.add("Shape", [rows], { start: 1 })], 2, { axis: 1, largest: 0, sorted: 1 });
  const count = ops.add("Reshape", [sumOfVolume(ops, ops.cast(part, "double")), ops.ints("rows", [0, -1])]);
  const last = ops.add("Max", [ops.add("Sub", [count, ops.double("one", 1)]), ops.double("zero", 0)]);
  const [lower = "", upper = ""] = [normalization.lower, normalization.upper].map((percent) => percentile(ops, sorted, last, percent));
  return limit(ops, x, lower, upper);
}

/** Linear between two of the sorted values [N, V]. @returns [N, 1, 1, 1, 1] */
function percentile(ops: Ops, sorted: string, last: string, percent: number): string {
  const place = ops.add("Mul", [last, ops.double(`share_${percent}`, percent / 100)]);
  const [below, above] = [ops.add("Floor", [place]), ops.add("Ceil", [place])];
  const valueAt = (index: string): string => ops.cast(ops.add("GatherElements", [sorted, ops.cast(index, "int64")], { axis: 1 }), "double");
  const [low, high] = [valueAt(below), valueAt(above)];
  const between = ops.add("Mul", [ops.add("Sub", [high, low]), ops.add("Sub", [place, below])]);
  return ops.add("Reshape", [ops.cast(ops.add("Add", [low, between]), "float"), ops.ints("one_voxel", [0, 1, 1, 1, 1])]);
}
