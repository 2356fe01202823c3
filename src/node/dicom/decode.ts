import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { InceptionError, messageOf } from "../../errors.js";
import { encodeBareFile } from "../../formats/dicom/encode.js";
import { compressionName, type DicomSlice, dicomError } from "../../formats/dicom/slice.js";
import { type SliceDType, type StoredPixels, viewPixels } from "../../formats/dicom/stored.js";
import { openFileSource } from "../file-source.js";
import { systemFact } from "../system-error.js";

/** What the thread answers: decoded pixels with the name of their array's type, or what is wrong with the package or the slices. */
export type DecodeReply =
  | { readonly kind: "decoded"; readonly type: string; readonly bytes: Uint8Array }
  | { readonly kind: "missing" | "failed"; readonly message: string };

const INSTALL = "npm install @itk-wasm/dicom@7.6.4";
const ARRAYS: Readonly<Record<SliceDType, string>> = { uint8: "Uint8Array", int8: "Int8Array", uint16: "Uint16Array", int16: "Int16Array" };

/**
 * Stored values of compressed slices, with @itk-wasm/dicom in a thread.
 *
 * @param slices - of equal sizes, element type and compression; together they are held in memory
 * @throws InceptionError FILE_UNSUPPORTED where the package is not installed, FILE_CORRUPT for pixels that do not decode,
 * SESSION_FAILED where no thread starts, WRITE_FAILED
 */
export async function decodeSlices(slices: readonly DicomSlice[]): Promise<readonly StoredPixels[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "inceptionkit-dicom-")).catch(unwritten);
  try {
    // The package opens files by name only, and wants absolute ones.
    const files = slices.map((_, index) => path.join(folder, `${index}.dcm`));
    for (const [index, slice] of slices.entries()) {
      const bytes = encodeBareFile(slice, await readParts(slice));
      await writeFile(files[index] ?? "", bytes, { flag: "wx", mode: 0o600 }).catch(unwritten);
    }
    return await decodeFiles(slices, files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function unwritten(thrown: unknown): never {
  const fact = `compressed slices are decoded by way of files in ${messageOf(tmpdir())} (${messageOf(thrown)})`;
  throw new InceptionError("WRITE_FAILED", `Cannot read DICOM slices: ${fact}`, {}, { cause: thrown });
}

async function readParts({ file, pixels }: DicomSlice): Promise<readonly Uint8Array[]> {
  const source = await openFileSource(file);
  try {
    const parts: Uint8Array[] = [];
    for (const { offset, length } of pixels.ranges) parts.push(await source.read(offset, length));
    return parts;
  } finally {
    await source.close();
  }
}

async function decodeFiles(slices: readonly DicomSlice[], files: readonly string[]): Promise<readonly StoredPixels[]> {
  const [first] = slices;
  if (first === undefined) return [];
  const { file, shape, dtype, pixels } = first;
  const reply = await inThread(files);
  const compression = compressionName(pixels.compression ?? "");
  if (reply.kind === "missing") {
    const fact = `its pixels are compressed (${compression}), which requires the package @itk-wasm/dicom, and that ${reply.message}`;
    throw dicomError("FILE_UNSUPPORTED", file, `${fact}; install it with: ${INSTALL}`);
  }
  const length = shape[0] * shape[1];
  if (reply.kind === "decoded" && reply.type === ARRAYS[dtype]) {
    const values = viewPixels(dtype, reply.bytes);
    if (values.length === length * slices.length) {
      return slices.map((_, index) => values.subarray(index * length, (index + 1) * length));
    }
  }
  if (slices.length > 1) {
    // One of them is damaged; halving finds out which.
    const half = slices.length >> 1;
    const before = await decodeFiles(slices.slice(0, half), files.slice(0, half));
    return [...before, ...(await decodeFiles(slices.slice(half), files.slice(half)))];
  }
  const fact = reply.kind === "failed" ? `they could not be decoded (${reply.message})` : "they decode to something else";
  throw dicomError("FILE_CORRUPT", file, `its ${compression} pixels are damaged: ${fact}, expected ${length} values of ${dtype}`);
}

async function inThread(files: readonly string[]): Promise<DecodeReply> {
  const url = new URL("./decode-worker.js", import.meta.url);
  // What the decoder prints is nobody's: stdout and stderr are the thread's own streams and are read by none.
  const worker = new Worker(url, { workerData: files, name: "dicom", execArgv: [], stdout: true, stderr: true });
  try {
    return await new Promise<DecodeReply>((resolve, reject) => {
      worker.once("message", (reply: DecodeReply) => resolve(reply));
      worker.once("error", (thrown) => {
        // What the system refuses says nothing about the slices.
        const cause = systemFact(thrown);
        if (cause === null) resolve({ kind: "failed", message: messageOf(thrown) });
        else
          reject(
            new InceptionError("SESSION_FAILED", `Cannot read DICOM slices: no thread can be started to decode them: ${cause}`, { cause }),
          );
      });
      worker.once("exit", (code) => resolve({ kind: "failed", message: `the decoder ended with exit code ${code}` }));
    });
  } finally {
    await worker.terminate();
  }
}
