/** Images that are named by something else than a path: standard input and addresses of the web. */

import path from "node:path";
import { MAX_IMAGE_BYTES } from "../data/image-format.js";
import { InceptionError, messageOf } from "../errors.js";
import { formatCount } from "../text.js";
import { readHttps } from "./https-source.js";
import type { SourceOptions } from "./source-options.js";

/** Standard input, as programs name it. */
export const STDIN = "-";

export interface ImageSourceOptions extends SourceOptions {
  /** What `-` reads. Default: nothing, and `-` is an error. */
  readonly stdin?: () => AsyncIterable<Uint8Array>;
}

/** Whether a text names an image that is no file of this machine: `-`, or an address with a scheme that the web uses. */
export function isStreamed(text: string): boolean {
  return text === STDIN || /^https?:\/\//i.test(text);
}

/**
 * What `decodeImage` and `openImage` take: the path itself, or the bytes from standard input or from the web.
 *
 * @throws InceptionError SOURCE_INVALID for an address that is not allowed; FILE_LIMIT for more than 64 MiB; DOWNLOAD_FAILED
 */
export async function openImageSource(text: string, options: ImageSourceOptions): Promise<string | Uint8Array> {
  if (text === STDIN) return readStdin(options.stdin);
  if (!isStreamed(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : null;
  const shown = imageName(text);
  const refused = (fact: string) => new InceptionError("SOURCE_INVALID", `Cannot use "${shown}" as an image: ${fact}`, { url: shown });
  if (url === null) throw refused("it is not a valid URL");
  if (url.protocol !== "https:") throw refused("expected https:, http: is not allowed");
  if (options.allowHttps !== true) throw refused("downloads are not allowed; pass `allowHttps`");
  if (url.username !== "" || url.password !== "") throw refused("it contains a user name or password");
  url.hash = "";
  return readHttps(url, { ...options, maxBytes: MAX_IMAGE_BYTES });
}

/** How messages name an image: a URL without a password or what follows its path, which may be secret. */
export function imageName(text: string): string {
  if (!isStreamed(text) || !URL.canParse(text)) return messageOf(text);
  const url = new URL(text);
  return messageOf(`${url.origin}${url.pathname}`);
}

/** A short name for results: `stdin`, the last part of a URL's path, or the name of the file. */
export function imageTitle(text: string): string {
  if (text === STDIN) return "stdin";
  if (!isStreamed(text) || !URL.canParse(text)) return path.basename(text);
  return path.posix.basename(new URL(text).pathname) || "download";
}

async function readStdin(stdin: ImageSourceOptions["stdin"]): Promise<Uint8Array> {
  const refused = (fact: string) => new InceptionError("FILE_LIMIT", `Cannot read an image from standard input: ${fact}`);
  if (stdin === undefined) throw new InceptionError("SOURCE_INVALID", "Cannot read an image from standard input: it is empty");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin()) {
    size += chunk.byteLength;
    if (size > MAX_IMAGE_BYTES) throw refused(`it has more than ${formatCount(MAX_IMAGE_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
