import { readFile } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../errors.js";
import { untilAborted } from "../runtime/abort.js";
import { cacheFolder } from "./cache-folder.js";
import { checkedDownload, type Expected, fetchFailure, networkError } from "./download.js";
import { isFile } from "./file-source.js";
import { httpsClient, PrivateAddress } from "./https-client.js";
import { sha256Hex, sha256OfFile } from "./sha256.js";
import type { ResolvedSource, SourceOptions } from "./source-options.js";
import { makeFolder, writeFileAtomic } from "./write-file.js";

// As browsers do: enough for every real chain, and an end for a circle.
const MAX_REDIRECTS = 20;

/**
 * Download a file over HTTPS into the cache, `$XDG_CACHE_HOME/inceptionkit/https` (`~/.cache/...`), or find it there.
 * With a pin the copy in the cache is used without asking the server; without one the server says whether it changed.
 *
 * @param pin - the SHA-256 that the content must have, or null
 */
export async function httpsSource(url: URL, pin: string | null, options: SourceOptions): Promise<ResolvedSource> {
  // What follows the path may hold a secret, as in addresses that are signed.
  const name = messageOf(`${url.origin}${url.pathname}`);
  const file = path.join(cacheFolder("https", options.env), sha256Hex(new TextEncoder().encode(url.href)).slice(0, 32), fileName(url));
  const cached = await isFile(file);
  const found = { path: file, name };
  if (cached && pin !== null && (await sha256OfFile(file)) === pin) return { ...found, sha256: pin };
  if (options.offline) {
    if (cached && pin === null) return found;
    throw networkError(name, "offline mode is on and the file is not in the cache");
  }
  const tagFile = `${file}.etag`;
  const tag = cached && pin === null ? await readFile(tagFile, "utf8").catch(() => null) : null;
  const ending = new AbortController();
  const response = await answerOf(fetchHttps(url, name, tag, options, ending.signal), ending, options);
  if (response === "unchanged") return found;
  const expected: Expected = { name, size: contentLength(response), checksum: pin === null ? null : { kind: "sha256", hex: pin } };
  try {
    await makeFolder(path.dirname(file));
    await writeFileAtomic(
      file,
      checkedDownload(async () => response.body ?? new Blob([]).stream(), expected, options),
    );
  } catch (thrown) {
    // What nobody reads any more would keep the connection, and with it the process.
    ending.abort();
    throw thrown;
  }
  // Last, so that a tag never stands beside an older file; one that stands beside a newer file only costs a download.
  await writeFileAtomic(tagFile, [new TextEncoder().encode(response.headers.get("etag") ?? "")]);
  return pin === null ? found : { ...found, sha256: pin };
}

/**
 * Downloads a file over HTTPS into memory, without the cache.
 *
 * @throws InceptionError DOWNLOAD_FAILED, FILE_LIMIT
 */
export async function readHttps(url: URL, options: SourceOptions): Promise<Uint8Array> {
  const name = messageOf(`${url.origin}${url.pathname}`);
  if (options.offline) throw networkError(name, "this is offline");
  const ending = new AbortController();
  const response = await answerOf(fetchHttps(url, name, null, options, ending.signal), ending, options);
  if (response === "unchanged") return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  try {
    const expected: Expected = { name, size: contentLength(response), checksum: null };
    for await (const chunk of checkedDownload(async () => response.body ?? new Blob([]).stream(), expected, options)) chunks.push(chunk);
  } catch (thrown) {
    ending.abort();
    throw thrown;
  }
  return Buffer.concat(chunks);
}

/** An answer that is waited for until the caller's signal is aborted, which ends the connection. */
async function answerOf<T>(asking: Promise<T>, ending: AbortController, { signal }: SourceOptions): Promise<T> {
  try {
    return await untilAborted(signal, asking);
  } catch (thrown) {
    ending.abort();
    throw thrown;
  }
}

/** Fetch, following redirects by hand so that none leaves HTTPS. `tag`: the entity tag of the copy at hand. */
async function fetchHttps(
  first: URL,
  name: string,
  tag: string | null,
  options: SourceOptions,
  signal: AbortSignal,
): Promise<Response | "unchanged"> {
  let url = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (url.protocol !== "https:") {
      throw networkError(name, `the server redirects to ${messageOf(url.origin)}, which is not https`, { url: url.origin });
    }
    const response = await request(url, name, tag, options, signal);
    if (response.status === 304 && tag) return "unchanged";
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      throw networkError(name, `the server returned ${response.status}${statusHelp(response.status)}`, { status: response.status });
    }
    if (!URL.canParse(location, url.href))
      throw networkError(name, `the server redirects to "${messageOf(location)}", which is not a valid address`);
    url = new URL(location, url);
  }
  throw networkError(name, `the server redirects more than ${MAX_REDIRECTS} times`);
}

async function request(url: URL, name: string, tag: string | null, options: SourceOptions, signal: AbortSignal): Promise<Response> {
  // Without "identity" a compressed answer would have another length than the one announced.
  const headers = { "Accept-Encoding": "identity", ...(tag ? { "If-None-Match": tag } : {}) };
  try {
    return await (options.fetch ?? httpsClient(options))(url.href, { redirect: "manual", headers, signal });
  } catch (thrown) {
    if (thrown instanceof PrivateAddress) throw networkError(name, thrown.message, { url: url.origin }, thrown);
    throw networkError(name, `the server is not reachable: ${fetchFailure(thrown)}`, {}, thrown);
  }
}

function statusHelp(status: number): string {
  if (status === 404) return ", the file does not exist";
  if (status === 401 || status === 403) return ", access is denied";
  return status >= 500 ? ", try again later" : "";
}

function contentLength(response: Response): number | null {
  const text = response.headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The last part of the address, as a name that is plain on every system; readers never parse it, people read it. */
function fileName(url: URL): string {
  const last = url.pathname.split("/").at(-1) ?? "";
  // A leading dot would hide it, a long name is refused by most file systems (255 bytes with what is added while writing).
  return (
    last
      .replace(/[^A-Za-z0-9._-]+/g, "_")
      .replace(/^\.+/, "")
      .slice(-100) || "download"
  );
}
