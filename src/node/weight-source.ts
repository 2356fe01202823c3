import path from "node:path";
import { fileURLToPath } from "node:url";
import { InceptionError, messageOf } from "../errors.js";
import { compareHash } from "../formats/checksum.js";
import { checkIsFile } from "./file-source.js";
import { httpsSource } from "./https-source.js";
import { type HubFile, hubSource } from "./hub-source.js";
import { digestWeights, findWeights } from "./open-weights.js";
import type { ResolvedSource, SourceOptions } from "./source-options.js";

export type { DownloadProgress, ResolvedSource, SourceOptions } from "./source-options.js";

/**
 * Resolves a source of weights to local files, downloading them if needed.
 *
 * | spec | meaning |
 * |---|---|
 * | `weights/net.safetensors` | a file |
 * | `model.ckpt-1000` | a TensorFlow checkpoint: `model.ckpt-1000.index` and its data files |
 * | `tfjs/model.json` | a TensorFlow.js model with its shards beside it |
 * | `weights/` | a directory with one such checkpoint, with such a `model.json`, or with `.npy` files |
 * | `file:///data/net.safetensors` | a file; with `#sha256=...` its content is checked |
 * | `hf:owner/name[@revision][:file]` | a file of the Hugging Face hub, in the cache shared by its programs; revision `main` and `model.safetensors`, else `pytorch_model.bin`, by default |
 * | `https://host/net.safetensors[#sha256=...]` | a download, with `allowHttps` only |
 *
 * Environment: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE as in Hugging Face's programs, XDG_CACHE_HOME.
 *
 * @throws InceptionError SOURCE_INVALID (a spec that is none of these, or not allowed), FILE_NOT_FOUND, DOWNLOAD_FAILED,
 *   HASH_MISMATCH, FILE_LIMIT, WRITE_FAILED, OPTION_INVALID
 */
export async function resolveSource(spec: string, options: SourceOptions = {}): Promise<ResolvedSource> {
  const env = options.env ?? process.env;
  const settled = { ...options, offline: options.offline ?? isOn(env.HF_HUB_OFFLINE) };
  const scheme = SCHEME.exec(spec)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return localFile(path.resolve(spec), null);
    case "hf":
      return hubSource(parseHub(spec), settled);
    case "file":
      return fileUrl(spec);
    case "https":
      return httpsUrl(spec, settled);
    default:
      throw invalid(spec, "expected a path, hf:owner/name[@revision][:file], file: or https:");
  }
}

// Two letters at least: one and a colon is a drive of Windows.
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;

/** Whether a text is a URL or a hub id, and not a plain path. */
export function hasScheme(text: string): boolean {
  return SCHEME.test(text);
}

const PIN = /^#sha256=([0-9a-f]{64})$/i;

/** Names as the hub allows them; no part begins with a dot, so none can lead out of a folder. */
const HUB = /^hf:([A-Za-z0-9_][\w.-]*\/[A-Za-z0-9_][\w.-]*)(?:@([^@:]+))?(?::(.+))?$/;

function parseHub(spec: string): HubFile {
  const [, repo, revision = "main", file = null] = HUB.exec(spec) ?? [];
  if (repo === undefined || !isPlainPath(revision) || !(file === null || isPlainPath(file))) {
    throw invalid(spec, "expected hf:owner/name, hf:owner/name@revision or hf:owner/name:file");
  }
  return { repo, revision, file };
}

/** A path that stays below the folder it is appended to, on every system. */
function isPlainPath(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the purpose
  return !/[\\:\u0000-\u001f]/.test(text) && text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

async function fileUrl(spec: string): Promise<ResolvedSource> {
  let file: string;
  let pin: string | null;
  try {
    const url = new URL(spec);
    pin = parsePin(spec, url);
    file = fileURLToPath(url);
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw thrown;
    throw invalid(spec, messageOf(thrown));
  }
  return localFile(file, pin);
}

async function httpsUrl(spec: string, options: SourceOptions): Promise<ResolvedSource> {
  if (!options.allowHttps) throw invalid(spec, "downloads are not allowed; pass `allowHttps`");
  if (!URL.canParse(spec)) throw invalid(spec, "it is not a valid address");
  const url = new URL(spec);
  if (url.username !== "" || url.password !== "") throw invalid(url.origin + url.pathname, "the address contains a user name or password");
  const pin = parsePin(spec, url);
  return httpsSource(url, pin, options);
}

/** Take the hash that the content must have from the end of an address. */
function parsePin(spec: string, url: URL): string | null {
  if (url.hash === "") return null;
  const pin = PIN.exec(url.hash)?.[1]?.toLowerCase();
  if (pin === undefined) throw invalid(spec, "expected sha256= and 64 hexadecimal digits after #");
  url.hash = "";
  return pin;
}

async function localFile(file: string, pin: string | null): Promise<ResolvedSource> {
  const weights = await findWeights(file);
  if (weights === null) await checkIsFile(file);
  const found = { path: weights ?? file, name: messageOf(file) };
  if (pin === null) return found;
  compareHash(found.name, { kind: "sha256", hex: pin }, (await digestWeights(found.path)).sha256);
  return { ...found, sha256: pin };
}

function invalid(spec: string, fact: string): InceptionError {
  return new InceptionError("SOURCE_INVALID", `Cannot use "${messageOf(spec)}" as a source of weights: ${fact}`, { spec });
}

/** As Hugging Face's programs read their switches. */
function isOn(text: string | undefined): boolean {
  return text !== undefined && ["1", "on", "yes", "true"].includes(text.toLowerCase());
}
