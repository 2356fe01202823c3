import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import type { Graph, Parameter } from "../ir/graph.js";
import { checkFinite } from "../tensor/finite.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "../tensor/float16.js";
import { formatShape } from "../tensor/shape.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import { nativeShape, toNative } from "./conventions/convention.js";
import { type NameMap, tensorsByName } from "./name-map.js";
import type { TensorEntry, WeightFile } from "./weight-file.js";

/** Comparison of a weight file with a network. Names are ours where a parameter exists, the file's otherwise. */
export interface WeightReport {
  readonly source: string;
  readonly matched: readonly { readonly path: string; readonly name: string }[];
  /** Parameters that the file does not have. */
  readonly missing: readonly string[];
  /** Tensors of the file that the network does not have and that the name map does not ignore. */
  readonly unexpected: readonly string[];
  /** Same number of values in another shape, for example [1000, 1024, 1, 1] for [1000, 1024]. */
  readonly reshaped: readonly {
    readonly path: string;
    readonly name: string;
    readonly from: readonly number[];
    readonly to: readonly number[];
  }[];
  /** Another number of values: never acceptable. */
  readonly mismatched: readonly {
    readonly path: string;
    readonly name: string;
    readonly from: readonly number[];
    readonly to: readonly number[];
  }[];
  /** Tensors of the file that hold nothing for inference, as the name map lists. */
  readonly ignored: readonly string[];
  /** Parameters that the source leaves out because all their values are the same, as TensorFlow's scales of 1; absent where none. */
  readonly omitted?: readonly string[];
  /** Parameters of 1001 classes whose first, "background", was dropped for a network of 1000; absent where none. */
  readonly background?: readonly string[];
}

/** TensorFlow's networks for ImageNet count "background" as class 0; the order of the others is everybody's. */
const CLASSES_WITH_BACKGROUND = 1001;
const CLASSES = 1000;
/** Classes of the network of 2015 whose features FID compares; their order is another. */
const CLASSES_OF_2015 = 1008;

/** Differences that the caller accepts, by exact name as the report gives it. Everything else is an error. */
export interface AllowedDifferences {
  readonly missing?: readonly string[];
  readonly unexpected?: readonly string[];
  readonly reshaped?: readonly string[];
}

/** Compares names and shapes, reading no values. */
export function compareWeights(graph: Graph, file: WeightFile, map: NameMap): WeightReport {
  const expected = new Set<string>();
  const matched: { path: string; name: string }[] = [];
  const missing: string[] = [];
  const reshaped: WeightReport["reshaped"][number][] = [];
  const mismatched: WeightReport["mismatched"][number][] = [];
  const leftOut: string[] = [];
  const background: string[] = [];
  const tensors = tensorsByName(file, map);
  for (const parameter of graph.parameters) {
    const name = map.nameOf(parameter.path);
    expected.add(name);
    const entry = tensors.get(name);
    if (entry === undefined) {
      (map.convention.omitted?.[parameter.role] === undefined ? missing : leftOut).push(parameter.path);
      continue;
    }
    const { from, to } = shapes(parameter, entry, map);
    const difference = { path: parameter.path, name, from, to };
    const hasBackground = isBackground(parameter, from, to);
    if (hasBackground) background.push(parameter.path);
    if (hasBackground || from.join() === to.join()) matched.push({ path: parameter.path, name });
    else if (elementCount(from) === elementCount(to)) reshaped.push(difference);
    else mismatched.push(difference);
  }
  const left = [...tensors].filter(([name]) => !expected.has(name)).map(([name, entry]) => ({ name, written: entry.name }));
  const isIgnored = ({ name }: { readonly name: string }) => map.ignore.some((pattern) => pattern.test(name));
  const ignored = left.filter(isIgnored).map(({ written }) => written);
  const unexpected = left.filter((tensor) => !isIgnored(tensor)).map(({ written }) => written);
  return {
    source: map.source,
    matched,
    missing,
    unexpected,
    reshaped,
    mismatched,
    ignored,
    ...(leftOut.length > 0 ? { omitted: leftOut } : {}),
    ...(background.length > 0 ? { background } : {}),
  };
}

function shapes(parameter: Parameter, entry: TensorEntry, map: NameMap): { from: readonly number[]; to: readonly number[] } {
  const to = parameter.type.shape.map(Number);
  return { from: nativeShape(map.convention, parameter.role, entry.shape, to), to };
}

/** Whether a tensor is the parameter of a classifier, with a first row for "background" that the network does not have. */
function isBackground({ role }: Parameter, [classes, ...features]: readonly number[], [ours, ...ourFeatures]: readonly number[]): boolean {
  const isHead = role === "linear_kernel" || role === "bias";
  return isHead && classes === CLASSES_WITH_BACKGROUND && ours === CLASSES && features.join() === ourFeatures.join();
}

/** How badly names fit a file, for choosing among several: missing parameters first, then unexpected tensors. 0 is perfect. */
export function misfit({ missing, unexpected }: WeightReport): number {
  return missing.length * 1e6 + unexpected.length;
}

/**
 * Returns the name map whose names fit the file best; the first of equal ones.
 *
 * @param maps - at least one
 * @throws RangeError for no maps
 */
export function bestNameMap(graph: Graph, file: WeightFile, maps: readonly NameMap[]): NameMap {
  const scored = maps.map((map) => ({ map, score: misfit(compareWeights(graph, file, map)) }));
  const [best] = scored.sort((a, b) => a.score - b.score);
  if (best === undefined) throw new RangeError("Cannot choose among 0 name maps");
  return best.map;
}

/**
 * Reads the values of every parameter from a weight file, as float32 in our axis order.
 *
 * @param allow - differences that are meant; a missing parameter that is allowed is absent from the result
 * @throws InceptionError WEIGHTS_MISMATCH listing every difference that is not allowed, before any value is read;
 *   FILE_UNSUPPORTED for a tensor of integers; NOT_FINITE naming the first parameter with NaN or infinity
 */
export async function loadWeights(
  graph: Graph,
  file: WeightFile,
  map: NameMap,
  allow: AllowedDifferences = {},
): Promise<{ readonly parameters: ReadonlyMap<string, Tensor>; readonly report: WeightReport }> {
  const report = compareWeights(graph, file, map);
  checkReport(graph, report, allow);
  const tensors = tensorsByName(file, map);
  const [leftOut, background] = [new Set(report.omitted), new Set(report.background)];
  const parameters = new Map<string, Tensor>();
  for (const parameter of graph.parameters) {
    const shape = parameter.type.shape.map(Number);
    const entry = tensors.get(map.nameOf(parameter.path));
    if (entry !== undefined) {
      const tensor = toNative(map.convention, parameter.role, await entry.read(), shape);
      const values = toFloat32(entry.name, tensor);
      checkFinite(values, `load weights into "${graph.name}"`, `parameter "${parameter.path}"`);
      parameters.set(
        parameter.path,
        float32Tensor(shape, values.subarray(background.has(parameter.path) ? values.length / CLASSES_WITH_BACKGROUND : 0)),
      );
    } else if (leftOut.has(parameter.path)) {
      const value = map.convention.omitted?.[parameter.role] ?? Number.NaN;
      parameters.set(parameter.path, float32Tensor(shape, new Float32Array(elementCount(shape)).fill(value)));
    }
  }
  return { parameters, report };
}

function checkReport(graph: Graph, report: WeightReport, allow: AllowedDifferences): void {
  const not = (allowed: readonly string[] = []) => {
    const set = new Set(allowed);
    return (name: string): boolean => !set.has(name);
  };
  const missing = report.missing.filter(not(allow.missing));
  const unexpected = report.unexpected.filter(not(allow.unexpected));
  const acceptReshape = not(allow.reshaped);
  const shaped = [...report.reshaped.filter(({ path }) => acceptReshape(path)), ...report.mismatched];
  const facts = [
    ...(missing.length > 0 ? [`${missing.length} missing (${listNames(missing)})`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected (${listNames(unexpected.map(quoted))})`] : []),
    ...(shaped.length > 0
      ? [`${shaped.length} shape ${shaped.length === 1 ? "mismatch" : "mismatches"} (${listNames(shaped.map(difference), "; ")})`]
      : []),
  ];
  if (facts.length === 0) return;
  const reason = shaped.map(({ from, to }) => classesReason(from[0], to[0])).find((found) => found !== null);
  throw new InceptionError(
    "WEIGHTS_MISMATCH",
    `Cannot load weights into "${graph.name}" with ${report.source} naming: ${facts.join("; ")}; ${report.matched.length} of ${graph.parameters.length} parameters match${reason ? `; ${reason}` : ""}`,
    { report },
  );
}

/** Both shapes of a parameter, as a message shows them. */
function difference({ path, from, to }: WeightReport["mismatched"][number]): string {
  return `${path}: expected ${formatShape(to)}, got ${formatShape(from)}`;
}

/** The reason for a difference in the number of classes, if both numbers are known. */
function classesReason(file: number | undefined, network: number | undefined): string | null {
  if (file === CLASSES && network === CLASSES_WITH_BACKGROUND) {
    return `a file of ${formatCount(CLASSES)} classes has no "background" class, which a network of ${formatCount(CLASSES_WITH_BACKGROUND)} expects first; describe it with numClasses ${CLASSES}`;
  }
  if (file === CLASSES_OF_2015 && (network === CLASSES || network === CLASSES_WITH_BACKGROUND)) {
    return `a file of ${formatCount(CLASSES_OF_2015)} classes uses another class order; describe the network with numClasses ${CLASSES_OF_2015}`;
  }
  return null;
}

// The whole list is in the error's details; a message must stay readable.
const NAMES_SHOWN = 4;

/** At most four names, and how many more there are. */
export function listNames(names: readonly string[], separator = ", "): string {
  const shown = names.slice(0, NAMES_SHOWN).join(separator);
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}

/** The values of a floating-point tensor as float32. float64 is rounded. */
export function toFloat32(name: string, tensor: Tensor): Float32Array {
  const { data } = tensor;
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (tensor.dtype === "float16" && data instanceof Uint16Array) return float16ToFloat32(data);
  if (tensor.dtype === "bfloat16" && data instanceof Uint16Array) return bfloat16ToFloat32(data);
  throw new InceptionError(
    "FILE_UNSUPPORTED",
    `Cannot use tensor ${quoted(name)} as weights: it contains ${tensor.dtype}, expected a floating-point type`,
    {
      name,
      dtype: tensor.dtype,
    },
  );
}
