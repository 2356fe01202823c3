import { InceptionError, messageOf } from "../errors.js";
import { viewBytes } from "../tensor/dtype.js";
import { elementCount, type Tensor } from "../tensor/tensor.js";
import type { TensorInfo } from "./session.js";

/**
 * Check that `feeds` holds one fitting tensor for every input: names, types, sizes, number of values, and that a
 * free size has one value in all inputs that name it.
 *
 * @param model - how the message names the model
 * @throws InceptionError FEED_INVALID, one message with every fault; `details.faults` lists them
 */
export function checkFeeds(model: string, inputs: readonly TensorInfo[], feeds: Readonly<Record<string, Tensor>>): void {
  const faults = nameFaults(inputs, feeds);
  const bound = new Map<string, BoundSize>();
  for (const info of inputs) {
    const tensor = feedOf(feeds, info.name);
    if (tensor) faults.push(...tensorFaults(`input ${quote(info.name)}`, info, tensor, bound));
  }
  refuse(model, faults);
}

/**
 * Check the names of the outputs that a run is asked for.
 *
 * @throws InceptionError FEED_INVALID, one message with every fault; `details.faults` lists them
 */
export function checkFetches(model: string, outputs: readonly TensorInfo[], fetches: readonly string[]): void {
  const known = new Set(outputs.map((info) => info.name));
  const faults = fetches
    .filter((name) => !known.has(name))
    .map((name) => `output ${quote(name)} is unknown, the model has ${list(outputs)}`);
  if (fetches.length === 0) faults.push(`no output is requested, the model has ${list(outputs)}`);
  refuse(model, faults);
}

/** The size that a free dimension took, and the input that gave it. */
interface BoundSize {
  readonly size: number;
  readonly input: string;
}

function feedOf(feeds: Readonly<Record<string, Tensor>>, name: string): Tensor | undefined {
  return Object.hasOwn(feeds, name) ? feeds[name] : undefined;
}

function nameFaults(inputs: readonly TensorInfo[], feeds: Readonly<Record<string, Tensor>>): string[] {
  const known = new Set(inputs.map((info) => info.name));
  return [
    ...inputs.filter((info) => feedOf(feeds, info.name) === undefined).map((info) => `input ${quote(info.name)} is missing`),
    ...Object.keys(feeds)
      .filter((name) => !known.has(name))
      .map((name) => `input ${quote(name)} is unknown, the model has ${list(inputs)}`),
  ];
}

/**
 * How `tensor` differs from what `info` asks for.
 *
 * @param subject - how the faults name the tensor
 * @param bound - the free sizes that are known; those of this tensor are added
 */
export function tensorFaults(subject: string, info: TensorInfo, tensor: Tensor, bound = new Map<string, BoundSize>()): string[] {
  if (tensor.dtype !== info.dtype) return [`${subject} is ${tensor.dtype}, expected ${info.dtype}`];
  const held = tensor.data[Symbol.toStringTag];
  const expected = viewBytes(info.dtype, new Uint8Array(0))[Symbol.toStringTag];
  // A view of another class would be read with the wrong bits.
  if (held !== expected) return [`${subject} contains ${held}, ${info.dtype} needs ${expected}`];
  if (!shapeFits(info.shape, tensor.shape)) {
    return [`${subject} has shape ${shapeText(tensor.shape)}, expected ${shapeText(info.shape)}`];
  }
  const count = elementCount(tensor.shape);
  if (tensor.data.length !== count) {
    return [`${subject} has ${tensor.data.length} values, shape ${shapeText(tensor.shape)} takes ${count}`];
  }
  return sizeFaults(info, tensor, bound);
}

function shapeFits(expected: TensorInfo["shape"], given: readonly number[]): boolean {
  if (expected.length !== given.length) return false;
  return given.every((size, axis) => {
    const law = expected[axis];
    return Number.isSafeInteger(size) && size >= 0 && (typeof law === "string" || law === size);
  });
}

/** Remember what each free size is, and report an input that disagrees with an earlier one. */
function sizeFaults(info: TensorInfo, tensor: Tensor, bound: Map<string, BoundSize>): string[] {
  const faults: string[] = [];
  for (const [axis, law] of info.shape.entries()) {
    if (typeof law === "number" || law === "") continue;
    const size = tensor.shape[axis] as number;
    const earlier = bound.get(law);
    if (earlier === undefined) bound.set(law, { size, input: info.name });
    else if (earlier.size !== size) {
      faults.push(`input ${quote(info.name)} has ${law} = ${size}, but input ${quote(earlier.input)} has ${law} = ${earlier.size}`);
    }
  }
  return faults;
}

function refuse(model: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new InceptionError("FEED_INVALID", `Cannot run "${model}": ${faults.join("; ")}`, { model, faults });
}

// Names come from model files; the longest in use are near 80 characters.
const shown = (name: string) => messageOf(name).slice(0, 200);
export const quote = (name: string) => `"${shown(name)}"`;
const list = (infos: readonly TensorInfo[]) => infos.map((info) => shown(info.name)).join(", ");
export const shapeText = (shape: readonly (number | string)[]) => `[${shape.map((size) => (size === "" ? "?" : size)).join(", ")}]`;
