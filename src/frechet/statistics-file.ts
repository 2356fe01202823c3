/**
 * Statistics in NumPy's .npz, as pytorch-fid, TTUR and clean-fid write and read them: `mu` [features] and `sigma` [features, features].
 * What they do not say goes into a third array, `inceptionkit`: JSON in bytes, which the others do not look at.
 */
import { InceptionError } from "../errors.js";
import { parseJson } from "../formats/json.js";
import { encodeNpy } from "../formats/npy.js";
import { type NpzFile, readNpzArray } from "../formats/npz.js";
import { encodeStoredZip } from "../formats/zip-encode.js";
import { checkStatistics } from "./distance.js";
import { FRECHET_MODES, type FrechetMode } from "./modes.js";
import { type FeatureStatistics, MAX_FEATURES } from "./moments.js";

/** Where statistics come from, so that unlike ones are not compared. Null: not known. */
export interface StatisticsOrigin {
  readonly mode: FrechetMode | null;
  /** Of the network's weights. */
  readonly weightsSha256: string | null;
}

/** Statistics of a set of features, with the conventions they were computed by. */
export interface SavedStatistics {
  readonly statistics: FeatureStatistics;
  readonly origin: StatisticsOrigin;
}

const ORIGIN_KEY = "inceptionkit";
/** Ours has about 150 bytes. */
const MAX_ORIGIN_BYTES = 4096;

/** The chunks of a file that NumPy's `load` and all of the named tools read. */
export function encodeStatistics({ statistics: { mean, covariance, count }, origin }: SavedStatistics): readonly Uint8Array[] {
  const n = mean.length;
  const said = new TextEncoder().encode(JSON.stringify({ images: count, mode: origin.mode, weightsSha256: origin.weightsSha256 }));
  return encodeStoredZip([
    ["mu.npy", encodeNpy({ dtype: "float64", shape: [n], data: mean })],
    ["sigma.npy", encodeNpy({ dtype: "float64", shape: [n, n], data: covariance })],
    [`${ORIGIN_KEY}.npy`, encodeNpy({ dtype: "uint8", shape: [said.length], data: said })],
  ]);
}

/**
 * Reads statistics; of 32-bit ones too, and of covariances in either order.
 *
 * @throws InceptionError FILE_CORRUPT or FILE_UNSUPPORTED naming the array, FILE_LIMIT (more than 4096 features), OPTION_INVALID (no covariance)
 */
export async function readStatistics(file: NpzFile): Promise<SavedStatistics> {
  const mean = await readNumbers(file, "mu", 1);
  const covariance = await readNumbers(file, "sigma", 2);
  const n = mean.values.length;
  if (covariance.shape.some((size) => size !== n)) {
    throw refused(file, `sigma has shape [${covariance.shape.join(", ")}] and mu has ${n} values, expected [${n}, ${n}]`);
  }
  const { images, ...origin } = await readOrigin(file);
  const statistics = { mean: mean.values, covariance: covariance.values, count: images };
  checkStatistics(statistics, `"${file.name}"`);
  return { statistics, origin };
}

async function readNumbers(file: NpzFile, key: string, rank: number) {
  // The size is known from the directory, so nothing larger than allowed is unpacked.
  const tensor = await readNpzArray(file, key, 8 * MAX_FEATURES ** rank);
  if (tensor === null) throw refused(file, `it has no array "${key}", expected mu and sigma as pytorch-fid writes them`);
  const { dtype, shape, data } = tensor;
  if ((dtype !== "float64" && dtype !== "float32") || shape.length !== rank || data.length === 0) {
    throw refused(file, `${key} is ${dtype} [${shape.join(", ")}], expected float64 with ${rank === 1 ? "one axis" : "two axes"}`);
  }
  return { shape, values: Float64Array.from(data as Float64Array | Float32Array) };
}

async function readOrigin(file: NpzFile): Promise<StatisticsOrigin & { readonly images: number | null }> {
  const unknown = { images: null, mode: null, weightsSha256: null };
  const tensor = await readNpzArray(file, ORIGIN_KEY, MAX_ORIGIN_BYTES);
  if (tensor === null) return unknown;
  try {
    const said = parseJson(new TextDecoder().decode(Uint8Array.from(tensor.data as Uint8Array)), ORIGIN_KEY);
    if (!(said instanceof Map)) return unknown;
    const [images, mode, weightsSha256] = ["images", "mode", "weightsSha256"].map((key): unknown => said.get(key));
    return {
      images: typeof images === "number" && Number.isSafeInteger(images) && images >= 2 ? images : null,
      mode: FRECHET_MODES.find((known) => known === mode) ?? null,
      weightsSha256: typeof weightsSha256 === "string" ? weightsSha256 : null,
    };
  } catch {
    return unknown;
  }
}

function refused(file: NpzFile, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read statistics of "${file.name}": ${fact}`, { file: file.name });
}
