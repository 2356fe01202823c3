/** Custom networks as models, so that whatever takes a listed model takes them. */
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { type Option, type OptionInput, type OptionTable, type OptionValue, readOptionInput, toNumber } from "../options.js";
import { findModel, MODELS, type Model } from "./index.js";
import { decodeGraph } from "./stored-graph.js";

/**
 * A custom network as a model.
 *
 * @param name - letters, digits, ".", "_" and "-", at most 64, beginning with a letter or a digit; no id or family of the list
 * @param options - what it was described with; describing it again takes these and no others
 * @throws InceptionError OPTION_INVALID for such a name
 */
export function customModel(name: string, graph: Graph, options: OptionInput = {}): Model {
  checkName(name);
  const table = fixedOptions(options);
  const describe: Model["describe"] = (given = {}) => {
    readOptionInput(name, table, given);
    return graph;
  };
  return { ...CUSTOM, id: name, family: name, task: taskOf(graph), options: table, describe };
}

/**
 * A custom network that takes options.
 *
 * @param initial - its graph without options
 * @param names - the options that it takes
 * @param describe - its graph with some
 * @throws InceptionError OPTION_INVALID as `customModel`
 */
export function customModelWithOptions(
  name: string,
  initial: Graph,
  names: readonly string[],
  describe: (options: OptionInput) => Graph,
): Model {
  checkName(name);
  const table = Object.fromEntries(names.map((each) => [each, ANY_OPTION]));
  const read: Model["describe"] = (given = {}) => describe(readOptionInput(name, table, given));
  return { ...CUSTOM, id: name, family: name, task: taskOf(initial), options: table, describe: read };
}

/**
 * The options of a network for data with so many classes: a network without the option numClasses has the classes of its logits.
 *
 * @throws InceptionError OPTION_INVALID where these are another number
 */
export function optionsForClasses(model: Model, given: OptionInput, numClasses: number): OptionInput {
  if (!isCustom(model) || Object.hasOwn(model.options, "numClasses")) return { ...given, numClasses };
  const graph = model.describe(given);
  const logits = graph.outputs.find(({ name }) => name === "logits");
  const shape = logits && graph.types.get(logits.value)?.shape;
  if (shape?.[1] === numClasses) return given;
  const fact = shape === undefined ? 'it has no output "logits"' : `its logits have ${shape[1]} classes`;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use custom network "${model.id}" for ${numClasses} classes: ${fact}, expected ${numClasses}; describe it with ${numClasses}, or as a function of options that takes numClasses`,
    { model: model.id, numClasses },
  );
}

/** A network as a run or the metadata of a file name it. */
export interface StoredNetwork {
  readonly model: string;
  readonly options: OptionInput;
  /** Of a custom network: its graph, as `encodeGraph` writes it. */
  readonly network?: string;
}

/**
 * The model that a run or a file names: a listed one, or the custom network that it contains.
 *
 * @param place - names the graph in messages: `network.json of run "x"`
 * @throws InceptionError MODEL_UNKNOWN; FILE_CORRUPT, FILE_UNSUPPORTED and FILE_LIMIT as `decodeGraph`
 */
export function storedModel({ model, options, network }: StoredNetwork, place: string): Model {
  if (network === undefined) return findModel(model);
  const graph = decodeGraph(network, place);
  if (isFreeName(model)) return customModel(model, graph, options);
  throw new InceptionError("FILE_CORRUPT", `Cannot read ${place}: ${quoted(model)} cannot be the name of a custom network`, { place });
}

/**
 * The outputs of a custom network without its auxiliary classifiers ("aux…"), which only training needs. Listed networks are
 * described without them instead.
 */
export function withoutAuxiliary(graph: Graph): Graph {
  const names = graph.outputs.map(({ name }) => name);
  const kept = names.filter((name) => !name.startsWith("aux"));
  return kept.length === names.length || kept.length === 0 ? graph : selectOutputs(graph, kept);
}

/**
 * The network that a run or a file names, for another size of its input.
 *
 * @throws InceptionError OPTION_INVALID for a custom network, which is stored at one size
 */
export function describeAtSize({ model, options, network }: StoredNetwork, inputSize: readonly number[]): Graph {
  if (network === undefined) return findModel(model).describe({ ...options, inputSize });
  const size = inputSize.join(" x ");
  const message = `Cannot describe custom network "${model}" for inputs of ${size}: it is stored for one size, expected that one; describe it for ${size} and load its weights`;
  throw new InceptionError("OPTION_INVALID", message, { model, inputSize });
}

const CUSTOM = { variant: "custom", source: "custom network", minInputSize: 1 } as const;

export function isCustom({ variant }: Pick<Model, "variant">): boolean {
  return variant === "custom";
}

function isFreeName(name: string): boolean {
  return NAME.test(name) && !isListed(name);
}

function isListed(name: string): boolean {
  return MODELS.some(({ id, family }) => id === name || family === name);
}

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

function checkName(name: string): void {
  const refused = (fact: string) =>
    new InceptionError("OPTION_INVALID", `Cannot name a custom network ${JSON.stringify(name)}: ${fact}`, { name });
  // Names are parts of file names.
  if (!NAME.test(name)) throw refused('expected at most 64 letters, digits, ".", "_" and "-", beginning with a letter or a digit');
  if (isListed(name)) throw refused("a listed model has this name");
}

/** What a network is for: one that ends in "logits" classifies, or segments volumes; any other computes embeddings. */
function taskOf(graph: Graph): Model["task"] {
  const logits = graph.outputs.find(({ name }) => name === "logits");
  if (logits === undefined) return "embed";
  return graph.types.get(logits.value)?.shape.length === 5 ? "segment" : "classify";
}

/** A value of which only the network knows what it means. Texts of a command line become what they look like. */
const ANY_OPTION: Option<OptionValue> = {
  doc: "Option of a custom network.",
  default: undefined,
  placeholder: "value",
  expected: "a number, a text, true or false, or a list of numbers",
  parse: (given) => {
    if (typeof given === "boolean" || typeof given === "number") return given;
    if (given === "true" || given === "false") return given === "true";
    if (typeof given !== "string") return numbersOf(given);
    return toNumber(given) ?? (given.includes(",") ? numbersOf(given.split(",")) : undefined) ?? given;
  },
};

function numbersOf(given: unknown): readonly number[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const numbers = given.map(toNumber).filter((number) => number !== undefined);
  return numbers.length === given.length ? numbers : undefined;
}

/** Options that a network was described with and that cannot change any more. */
function fixedOptions(options: OptionInput): OptionTable {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      const text = JSON.stringify(value);
      const expected = `${text}, which the custom network was described with; describe it again for another value`;
      const parse = (given: unknown): OptionValue | undefined => {
        const read = ANY_OPTION.parse(given);
        return JSON.stringify(read) === text ? read : undefined;
      };
      return [name, { ...ANY_OPTION, expected, parse }];
    }),
  );
}
