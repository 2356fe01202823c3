/** Bodies of requests: read within bounds, and what is in them. */
import type { IncomingMessage } from "node:http";
import { concatChunks } from "inceptionkit/core";
import { invalidRequest, RequestError } from "./problem.js";

/** What a browser's form or a script sends for one input; more parts than this are an attack. */
const MAX_PARTS = 16;
/** JSON of tensors nests as deep as the tensor has axes, inside of two objects and two lists. */
const MAX_DEPTH = 32;

/**
 * Reads a body into one buffer, allocated once where the client says how long it is. What exceeds the limit is not read.
 *
 * @throws RequestError 413; 415 for a compressed body; 400 for one shorter than announced
 */
export async function readBody(stream: IncomingMessage, limit: number): Promise<Uint8Array> {
  const encoding = stream.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new RequestError(415, "REQUEST_INVALID", "Cannot read the body: compressed bodies are not supported; send it as it is");
  }
  const length = Number(stream.headers["content-length"] ?? Number.NaN);
  if (length > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  const whole = Number.isSafeInteger(length) ? new Uint8Array(length) : null;
  let received = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    if (received + chunk.byteLength > (whole?.byteLength ?? limit)) throw tooLarge(limit);
    if (whole === null) chunks.push(chunk);
    else whole.set(chunk, received);
    received += chunk.byteLength;
  }
  if (whole !== null && received < whole.byteLength) {
    throw invalidRequest(`Cannot read the body: it has ${received} bytes, expected ${whole.byteLength}`);
  }
  return whole ?? concatChunks(chunks);
}

function tooLarge(limit: number): RequestError {
  return new RequestError(413, "BODY_LIMIT", `Cannot read the body: the limit is ${limit.toLocaleString("en-US")} bytes`);
}

/** The media type of a header, without parameters. */
function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * The one file of a request: the body itself, the only part of a form that is a file, or base64 text under `key` in a JSON object.
 *
 * @throws RequestError
 */
export async function fileOf(body: Uint8Array, contentType: string | undefined, key: string): Promise<Uint8Array> {
  const type = mediaType(contentType);
  const file =
    type === "multipart/form-data" ? await formFile(body, contentType ?? "") : type === "application/json" ? jsonFile(body, key) : body;
  if (file.byteLength === 0) throw invalidRequest(`Cannot read the ${key}: the body is empty`);
  return file;
}

async function formFile(body: Uint8Array, contentType: string): Promise<Uint8Array> {
  const boundary = /boundary="?([^";,]{1,70})"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw invalidRequest("Cannot read the form: its content type has no boundary");
  if (countOf(body, `--${boundary}`) > MAX_PARTS + 1)
    throw new RequestError(413, "BODY_LIMIT", `Cannot read the form: the limit is ${MAX_PARTS} parts`);
  const form = await new Response(Uint8Array.from(body), { headers: { "content-type": contentType } }).formData().catch(() => {
    throw invalidRequest("Cannot read the form: it is not multipart/form-data as RFC 7578 defines it");
  });
  const files = [...form.values()].filter((value) => typeof value !== "string");
  const [file] = files;
  if (file === undefined || files.length > 1) throw invalidRequest(`Cannot read the form: it has ${files.length} files, expected 1`);
  return new Uint8Array(await file.arrayBuffer());
}

/** How often a text is in bytes. */
function countOf(bytes: Uint8Array, text: string): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = buffer.indexOf(text); at >= 0; at = buffer.indexOf(text, at + text.length)) count++;
  return count;
}

function jsonFile(body: Uint8Array, key: string): Uint8Array {
  const text = readJsonObject(body)[key];
  if (typeof text !== "string") throw invalidRequest(`Cannot read the ${key}: expected a JSON object with base64 text under "${key}"`);
  // Buffer skips what is not base64, and so would change the file.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw invalidRequest(`Cannot read the ${key}: it is not base64`);
  return new Uint8Array(Buffer.from(text, "base64"));
}

/**
 * A JSON object, whose nesting is checked before it is parsed.
 *
 * @throws RequestError
 */
export function readJsonObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (depthOf(body) > MAX_DEPTH) throw invalidRequest(`Cannot read the JSON: it nests deeper than ${MAX_DEPTH}`);
  const value = parsed(body);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidRequest("Cannot read the JSON: expected an object in UTF-8");
  return { ...value };
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** How deep brackets nest, outside of strings. */
function depthOf(body: Uint8Array): number {
  const [quote, backslash] = [0x22, 0x5c];
  let [depth, deepest, inString] = [0, 0, false];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}
