/** What an index contains besides its rows: which model computed its vectors, and how to see that another computes the same. */
import { isRecord } from "../data/is-record.js";
import { parsePreprocessing } from "../data/preprocessing.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError, messageOf } from "../errors.js";
import { decodeJson, type JsonData } from "../formats/json.js";

/** Origin of the vectors of an index. */
export interface IndexHeader {
  /** Model id, or the graph name in a file of another program. */
  readonly model: string;
  /** Of the file that the weights came from; null where it is not known. */
  readonly weightsSha256: string | null;
  /** Output that the vectors are. */
  readonly output: string;
  readonly dimension: number;
  readonly preprocessing: Preprocessing;
  /** Vector of the image of `probeImage`: a model that computes another is another model, or is preprocessed in another way. */
  readonly probe: readonly number[];
  /** Directory of the images, relative to that of the index; null for images that were in memory. */
  readonly root: string | null;
  /** How the model was named, files relative to the index; null where it had no name. */
  readonly source: { readonly model: string; readonly weights: string | null } | null;
}

const VERSION = 1;
/** No network of a public zoo has more features than 4,096. */
const MAX_DIMENSION = 65_536;
/** Digits of float32. */
const PROBE_DIGITS = 8;

/** ASCII alone, which readers of the file rely on. */
export function encodeIndexHeader(header: IndexHeader): string {
  const probe = header.probe.map((value) => Number(value.toPrecision(PROBE_DIGITS)));
  const text = JSON.stringify({ version: VERSION, ...header, probe });
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Reads what `encodeIndexHeader` wrote.
 *
 * @param name - how messages name the file
 * @throws InceptionError FILE_CORRUPT, FILE_UNSUPPORTED for a later version
 */
export function decodeIndexHeader(text: string, name: string): IndexHeader {
  const json = decodeJson(text, `the metadata of "${messageOf(name)}"`);
  const refused = (fact: string) =>
    new InceptionError("FILE_CORRUPT", `Cannot read the index "${messageOf(name)}": ${fact}`, { file: name });
  if (!isRecord(json)) throw refused("its metadata is not a JSON object");
  const { version, model, weightsSha256, output, dimension, preprocessing, probe, root, source } = json;
  if (version !== VERSION) {
    const message = `Cannot read the index "${messageOf(name)}": it has version ${messageOf(JSON.stringify(version ?? null))}, expected ${VERSION}`;
    throw new InceptionError("FILE_UNSUPPORTED", message, { file: name });
  }
  if (typeof model !== "string" || typeof output !== "string") throw refused("its metadata has no model or no output");
  if (typeof dimension !== "number" || !Number.isSafeInteger(dimension) || dimension < 1 || dimension > MAX_DIMENSION)
    throw refused(`its vectors have ${messageOf(JSON.stringify(dimension ?? null))} values, expected 1 to ${MAX_DIMENSION}`);
  if (!isNumbers(probe) || probe.length !== dimension) throw refused(`its metadata has no probe of ${dimension} numbers`);
  return {
    model,
    output,
    dimension,
    probe,
    weightsSha256: typeof weightsSha256 === "string" ? weightsSha256 : null,
    preprocessing: decodePreprocessing(preprocessing ?? null, refused),
    root: typeof root === "string" ? root : null,
    source: decodeSource(source),
  };
}

function decodePreprocessing(value: JsonData, refused: (fact: string) => InceptionError): Preprocessing {
  try {
    return parsePreprocessing(value, "the index");
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw refused(`its preprocessing is invalid (${thrown.message})`);
    throw thrown;
  }
}

function decodeSource(source: JsonData | undefined): IndexHeader["source"] {
  if (source === undefined || !isRecord(source) || typeof source.model !== "string") return null;
  return { model: source.model, weights: typeof source.weights === "string" ? source.weights : null };
}

function isNumbers(value: JsonData | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number" && Number.isFinite(each));
}
