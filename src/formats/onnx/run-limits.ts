/** What one run of a graph may take, checked by arithmetic alone before a runtime gets it. */
import { InceptionError } from "../../errors.js";
import { quoted } from "../quoted.js";
import { type GraphForm, type InferredNode, inferGraph } from "./shapes/infer.js";
import { bytesOf, computed, type Site, shown, type Value } from "./shapes/value.js";
import type { OnnxNode } from "./types.js";

/**
 * Limits of one run of a model whose file is not trusted, in terms of the graph alone. Weights do not count: they are in
 * the file. The process takes more: its own 80 MB, and a runtime that rounds its memory up and keeps it between runs.
 *
 * The defaults are two to four times what the largest of the networks here takes at batch 64, which is
 * `inception_resnet_3d.code` with patches of 64³ (0.8 GB, 1.7 GB, 0.13 GB, 1.1·10¹², 72 GB).
 */
export interface RunLimits {
  /** Bytes of one value. Default 2 GiB. */
  readonly valueBytes: number;
  /**
   * Bytes of all values that are held at one time, inputs, outputs and the runtime's buffers within a node included, with
   * nodes run in the order of the file. Default 4 GiB.
   */
  readonly memoryBytes: number;
  /** Bytes of all outputs, which are copied out of the runtime and are what callers compute with. Default 256 MiB. */
  readonly outputBytes: number;
  /** Multiply-adds; those of pooling and other loops count 16 times. Default 4·10¹², 16 s to a minute on two cores. */
  readonly macs: number;
  /** Bytes of all values in sum, which bounds the time of nodes without multiply-adds. Default 256 GiB, about a minute. */
  readonly trafficBytes: number;
}

const MIB = 2 ** 20;

/** Limits of a run of an untrusted model: 2 GiB for one value, 4 GiB for all, 256 MiB of outputs. */
export const DEFAULT_RUN_LIMITS: RunLimits = {
  valueBytes: 2048 * MIB,
  memoryBytes: 4096 * MIB,
  outputBytes: 256 * MIB,
  macs: 4e12,
  trafficBytes: 256 * 1024 * MIB,
};

/** What a run takes, in the units of `RunLimits`: the largest value, the peak, the sums. */
export interface RunCost extends RunLimits {
  /** What can be computed without the inputs. A runtime may do so as it opens the model, and keep the results. */
  readonly constantBytes: number;
  readonly constantMacs: number;
}

/**
 * Checks the limits that a caller states, and completes them.
 *
 * @throws InceptionError OPTION_INVALID for what is not a number above 0
 */
export function completeLimits(stated: Partial<RunLimits> = {}): RunLimits {
  const limits = { ...DEFAULT_RUN_LIMITS, ...stated };
  for (const [name, limit] of Object.entries(limits)) {
    if (limit > 0) continue;
    throw new InceptionError("OPTION_INVALID", `Cannot set limits.${name} to ${limit}: expected a number above 0`, { name, limit });
  }
  return limits;
}

/**
 * Infers a graph for given inputs and refuses it where a run would exceed a limit.
 *
 * @param feeds - the types of the inputs; null for one that is not known yet, of which nothing that depends on it counts
 * @param site - what messages say was to be done
 * @throws InceptionError FILE_LIMIT beyond a limit, naming the node; what `inferGraph` throws
 */
export function checkRun(form: GraphForm, feeds: ReadonlyMap<string, Value | null>, limits: RunLimits, site: Site): RunCost {
  const meter = new Meter(form, feeds, limits, site);
  for (const step of inferGraph(form, feeds, site)) meter.add(step);
  return meter.cost;
}

/**
 * The inputs that a model declares, as they are known when it is loaded: the first axis is the batch and counts 1 where
 * it has no size, an input with other axes of free size is not known.
 */
export function declaredFeeds(form: GraphForm): ReadonlyMap<string, Value | null> {
  return new Map(
    form.inputs.map(({ name, dtype, shape }) => {
      const sizes = shape?.map((size, axis) => (typeof size === "number" ? size : axis === 0 ? 1 : null)) ?? [null];
      const known = sizes.filter((size) => size !== null);
      return [name, dtype === null || known.length < sizes.length ? null : computed(dtype, known)];
    }),
  );
}

/** Adds up a run, node by node. */
class Meter {
  readonly cost = { valueBytes: 0, memoryBytes: 0, outputBytes: 0, macs: 0, trafficBytes: 0, constantBytes: 0, constantMacs: 0 };
  readonly #limits: RunLimits;
  readonly #site: Site;
  /** How many nodes are still to read a value; outputs have one reader more. */
  readonly #readers: Map<string, number>;
  readonly #outputs: ReadonlySet<string>;
  readonly #constants: Set<string>;
  readonly #bytes = new Map<string, number>();
  #live = 0;

  constructor(form: GraphForm, feeds: ReadonlyMap<string, Value | null>, limits: RunLimits, site: Site) {
    this.#limits = limits;
    this.#site = site;
    this.#readers = countReaders(form);
    this.#outputs = new Set(form.outputs);
    this.#constants = new Set(form.constants.keys());
    // The caller holds the inputs all the while.
    for (const [name, value] of feeds) if (value !== null) this.#take(`input ${quoted(name)}`, name, value);
  }

  add({ node, place, inferred }: InferredNode): void {
    const { outputs = [], macs = 0, scratch = 0 } = inferred ?? {};
    const before = this.cost.trafficBytes;
    for (const [index, value] of outputs.entries()) {
      const name = node.outputs[index] ?? "";
      const bytes = this.#take(place, name, value);
      if (this.#readers.has(name)) this.#bytes.set(name, bytes);
      else this.#live -= bytes;
    }
    this.#raise("memoryBytes", this.#live + scratch, place);
    this.#raise("macs", this.cost.macs + macs, place);
    this.#raise("trafficBytes", this.cost.trafficBytes + scratch, place);
    if (isConstant(node, this.#constants)) {
      for (const name of node.outputs) this.#constants.add(name);
      this.cost.constantBytes += inferred === null ? Number.POSITIVE_INFINITY : this.cost.trafficBytes - before;
      this.cost.constantMacs += macs;
    }
    for (const name of node.inputs) this.#release(name);
  }

  #take(place: string, name: string, value: Value): number {
    const bytes = bytesOf(value);
    this.#raise("valueBytes", bytes, place, `${shown(value)}, `);
    this.#live += bytes;
    this.#raise("memoryBytes", this.#live, place);
    this.#raise("trafficBytes", this.cost.trafficBytes + bytes, place);
    if (this.#outputs.has(name)) this.#raise("outputBytes", this.cost.outputBytes + bytes, place);
    return bytes;
  }

  #release(name: string): void {
    const left = (this.#readers.get(name) ?? 0) - 1;
    this.#readers.set(name, left);
    if (left > 0) return;
    this.#live -= this.#bytes.get(name) ?? 0;
    this.#bytes.delete(name);
  }

  /** Keeps the largest of an amount and compares it with its limit. */
  #raise(name: keyof RunLimits, amount: number, place: string, what = ""): void {
    this.cost[name] = Math.max(this.cost[name], amount);
    const limit = this.#limits[name];
    if (amount <= limit) return;
    const [verb, unit] = WORDS[name];
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot ${this.#site.action}: ${place} ${verb} ${what}${amount.toLocaleString("en-US")} ${unit}, the limit is ${limit.toLocaleString("en-US")} (option limits.${name})`,
      { place, amount, limit, option: name },
    );
  }
}

const WORDS: Readonly<Record<keyof RunLimits, readonly [verb: string, unit: string]>> = {
  valueBytes: ["takes", "bytes"],
  memoryBytes: ["raises the memory of a run to", "bytes"],
  outputBytes: ["raises the outputs to", "bytes"],
  macs: ["raises a run to", "multiply-adds"],
  trafficBytes: ["raises what a run writes to", "bytes"],
};

/** Shapes count as constant: a runtime may know them without running. */
function isConstant({ opType, inputs }: OnnxNode, constants: ReadonlySet<string>): boolean {
  return opType === "Shape" || inputs.every((name) => name === "" || constants.has(name));
}

function countReaders(form: GraphForm): Map<string, number> {
  const readers = new Map<string, number>();
  const count = (name: string) => readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const { node } of form.nodes) node.inputs.forEach(count);
  form.outputs.forEach(count);
  return readers;
}
