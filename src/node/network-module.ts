/**
 * Networks from JavaScript modules. A module is executed: only what a person at a command line names as one is loaded, never what a
 * file, a run or a request names.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { isRecord } from "../data/is-record.js";
import { InceptionError, messageOf } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import type { Graph } from "../ir/graph.js";
import { customModel, customModelWithOptions } from "../models/custom.js";
import { findModel } from "../models/index.js";
import { decodeGraph, encodeGraph } from "../models/stored-graph.js";
import type { DescribedModel } from "../tasks/model-source.js";
import type { Network } from "../tasks/network.js";
import { checkIsFile } from "./file-source.js";

/** `./my-network.js`, and with options as for a model id `./my-network.js:width=2:numClasses=5`. */
const MODULE = /^(?<file>[^:]*(?::[\\/][^:]*)?\.m?js)(?<options>(?::[^:=]+=[^:]*)*)$/i;
/** Sources that would need to be compiled, or that are no ES modules. */
const OTHER_SOURCE = /\.(?:[cm]?tsx?|jsx|cjs)$/i;

/**
 * Whether a text names a module: its name ends in .js or .mjs.
 *
 * @throws InceptionError SOURCE_INVALID for sources of other kinds
 */
export function isNetworkModule(text: string): boolean {
  if (!OTHER_SOURCE.test(text)) return MODULE.test(text);
  const message = `Cannot load network ${quoted(text)}: expected a JavaScript module, whose name ends in .js or .mjs`;
  throw new InceptionError("SOURCE_INVALID", message, { file: text });
}

/**
 * Executes a module and takes the network that it exports as default: a network, or a function of an options record that returns one.
 *
 * @param text - a path, and maybe options, as in `./my-network.js:width=2`
 * @throws InceptionError FILE_NOT_FOUND; SOURCE_INVALID for a module that throws or does not export a network, and for an invalid one
 */
export async function loadNetworkModule(text: string): Promise<DescribedModel> {
  const { file = text, options = "" } = MODULE.exec(text)?.groups ?? {};
  await checkIsFile(file);
  const exported = await imported(file);
  const { model, options: own } = isFunction(exported) ? ofFunction(file, exported) : described(file, exported);
  const given = options.split(":").flatMap((option) => {
    const at = option.indexOf("=");
    return at < 1 ? [] : [[option.slice(0, at), option.slice(at + 1)] as const];
  });
  return { model, options: { ...own, ...Object.fromEntries(given) } };
}

async function imported(file: string): Promise<unknown> {
  try {
    const namespace: unknown = await import(pathToFileURL(path.resolve(file)).href);
    return isRecord(namespace) ? await namespace.default : undefined;
  } catch (thrown) {
    throw failed(file, thrown);
  }
}

type Build = (options: Readonly<Record<string, unknown>>) => unknown;

function isFunction(value: unknown): value is Build {
  return typeof value === "function";
}

/**
 * A function of options. Which options it takes is seen by calling it with a record that notes what is read, so that options that it
 * does not have are rejected.
 */
function ofFunction(file: string, build: Build): DescribedModel {
  const names = new Set<string>();
  const noted = new Proxy<Readonly<Record<string, unknown>>>(
    {},
    {
      get: (_, name) => {
        if (typeof name === "string") names.add(name);
        return undefined;
      },
      has: (_, name) => {
        if (typeof name === "string") names.add(name);
        return false;
      },
    },
  );
  const call = (options: Readonly<Record<string, unknown>>): unknown => {
    try {
      return build(options);
    } catch (thrown) {
      throw failed(file, thrown);
    }
  };
  const first = networkOf(file, call(noted));
  const model = customModelWithOptions(first.name, checkedGraph(file, first), [...names], (given) =>
    checkedGraph(file, networkOf(file, call(given))),
  );
  return { model, options: {} };
}

function described(file: string, exported: unknown): DescribedModel {
  const network = networkOf(file, exported);
  if (network.model.variant !== "custom") return { model: findModel(network.model.id), options: network.options };
  return { model: customModel(network.name, checkedGraph(file, network)), options: {} };
}

/** The part of a network that is read; a module may have it from another copy of the package. */
type ExportedNetwork = Pick<Network, "name" | "graph" | "model" | "options">;

function networkOf(file: string, value: unknown): ExportedNetwork {
  if (isNetwork(value)) return value;
  const found = value === undefined ? "nothing" : value instanceof Promise ? "a promise" : typeof value;
  throw new InceptionError(
    "SOURCE_INVALID",
    `Cannot load network ${quoted(file)}: its default export is ${found}, expected a network, which describe returns, or a function of options that returns one`,
    { file },
  );
}

function isNetwork(value: unknown): value is ExportedNetwork {
  if (!isRecord(value) || typeof value.name !== "string" || !isRecord(value.model) || !isRecord(value.options)) return false;
  return typeof value.model.id === "string" && isRecord(value.graph) && value.graph.types instanceof Map;
}

/** As if it had been stored and read again, which checks every field. */
function checkedGraph(file: string, { graph }: ExportedNetwork): Graph {
  try {
    return decodeGraph(encodeGraph(graph), `network ${quoted(file)}`);
  } catch (thrown) {
    throw failed(file, thrown);
  }
}

function failed(file: string, thrown: unknown): InceptionError {
  if (thrown instanceof InceptionError && thrown.code === "SOURCE_INVALID") return thrown;
  const kind = thrown instanceof Error && thrown.name !== "Error" && thrown.name !== "InceptionError" ? `${thrown.name}: ` : "";
  const message = `Cannot load network ${quoted(file)}: ${kind}${messageOf(thrown)}`;
  return new InceptionError("SOURCE_INVALID", message, { file }, { cause: thrown });
}
