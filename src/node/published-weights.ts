/** The published weight files that are known by name: where they are, and whether they are on this machine. */
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { MODELS } from "../models/index.js";
import { weightSetsOf } from "../models/weights.js";
import type { PublishedFile } from "../runtime/platform.js";
import { checkPublishedHash, type Published } from "../tasks/weight-choice.js";
import { cacheFolder } from "./cache-folder.js";
import { isFile } from "./file-source.js";
import { sha256OfFile } from "./sha256.js";
import type { ResolvedSource, SourceOptions } from "./source-options.js";
import { resolveSource } from "./weight-source.js";

/** Every published file that is known by name, in the order of the models. */
export function knownWeights(): readonly Published[] {
  return MODELS.flatMap(({ id }) => weightSetsOf(id)).flatMap((set) => set.files.map((file) => ({ set, file })));
}

/**
 * The published file with this name, as `pretrained:NAME` has it.
 *
 * @throws InceptionError OPTION_INVALID
 */
export function findKnownWeights(name: string): Published {
  const known = knownWeights();
  const found = known.find(({ file }) => file.name === name);
  if (found !== undefined) return found;
  const start = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const close = known.map(({ file }) => file.name).filter((other) => start !== "" && other.replace(/[^a-z0-9]/g, "").includes(start));
  const hint = close.length > 0 ? `expected one of ${close.join(", ")}` : `${known.length} published files are known, see \`knownWeights\``;
  throw new InceptionError("OPTION_INVALID", `Cannot find weights "${messageOf(name)}": ${hint}`, { name });
}

/** What is needed to find a published file. */
type Placeable = { readonly file: PublishedFile };

/** Where a published file is looked for before it is downloaded, so that it can be placed there by hand. */
export function placeOf({ file: { name, source } }: Placeable, env?: SourceOptions["env"]): string {
  return path.join(
    cacheFolder("weights", env),
    /^https?:/.test(source) ? path.posix.basename(new URL(source).pathname) : `${name}.safetensors`,
  );
}

/**
 * A published file on this machine: where it was placed by hand, in the cache, or after a download.
 *
 * @throws InceptionError as `resolveSource`; DOWNLOAD_FAILED, and SOURCE_INVALID for an `http:` address, say how to place the file by hand; HASH_MISMATCH for another file
 */
export async function resolvePublished(published: Placeable, options: SourceOptions): Promise<ResolvedSource> {
  const placed = placeOf(published, options.env);
  if (await isFile(placed)) {
    const sha256 = await sha256OfFile(placed);
    checkPublishedHash(published, sha256);
    return { path: placed, name: messageOf(placed), sha256 };
  }
  const hint = `to place the file by hand, ${byHand(published, options.env)}`;
  const { name, source } = published.file;
  if (source.startsWith("http:")) {
    const message = `Cannot download weights "${name}": their publisher serves them without encryption (http:), which is not allowed; ${hint}`;
    throw new InceptionError("SOURCE_INVALID", message, { name, source, place: placed });
  }
  try {
    return await resolveSource(source, options);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError && thrown.code === "DOWNLOAD_FAILED")) throw thrown;
    throw new InceptionError("DOWNLOAD_FAILED", `${thrown.message}; ${hint}`, { ...thrown.details, place: placed }, { cause: thrown });
  }
}

/** `save hf:… as …`, with what is known of the file's hash. */
export function byHand(published: Placeable, env?: SourceOptions["env"]): string {
  const { source, sha256 } = published.file;
  const hash = sha256 === undefined ? "" : ` (its SHA-256 ${sha256.length === 64 ? "is" : "starts with"} ${sha256})`;
  return `save ${webAddress(source)} as ${messageOf(placeOf(published, env))}${hash}`;
}

/** Where a browser finds the file. */
function webAddress(source: string): string {
  return source.startsWith("hf:") ? `https://huggingface.co/${source.slice(3)}/resolve/main/model.safetensors` : source;
}

/** Where a published file is on this machine, without asking a server; null where it is not, or is damaged. */
export async function locatePublished(published: Published, options: SourceOptions = {}): Promise<string | null> {
  try {
    return (await resolvePublished(published, { ...options, allowHttps: true, offline: true })).path;
  } catch (thrown) {
    if (thrown instanceof InceptionError) return null;
    throw thrown;
  }
}

/**
 * Downloads a published file, unless it is on this machine, and compares it with what is known of its hash.
 *
 * @throws InceptionError as `resolvePublished`
 */
export async function downloadPublished(published: Published, options: SourceOptions): Promise<ResolvedSource> {
  const found = await resolvePublished(published, { ...options, allowHttps: true });
  const sha256 = found.sha256 ?? (await sha256OfFile(found.path));
  checkPublishedHash(published, sha256);
  return { ...found, sha256 };
}
