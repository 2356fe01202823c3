/**
 * The thread that decodes compressed slices with @itk-wasm/dicom. The package prints to the console, sets the process's exit code and blocks
 * while it works; in a thread of its own none of this reaches anyone, and its memory goes when the thread ends.
 */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.js";
import type { DecodeReply } from "./decode.js";

// The thread is started by decode.ts alone, with exactly this list: absolute paths, one slice each, of equal sizes and element type.
const inputImages = workerData as string[];

async function decode(): Promise<DecodeReply> {
  const itk = await import("@itk-wasm/dicom").catch(notLoaded);
  if (typeof itk === "string") return { kind: "missing", message: itk };
  try {
    const { outputImage } = await itk.readImageDicomFileSeriesNode({ inputImages, singleSortedSeries: true });
    const { data } = outputImage;
    if (data === null || data instanceof BigInt64Array || data instanceof BigUint64Array) return { kind: "failed", message: "no pixels" };
    return { kind: "decoded", type: data.constructor.name, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  } catch (thrown) {
    // The decoder throws the address of its exception as a number, which says nothing.
    return { kind: "failed", message: thrown instanceof Error ? messageOf(thrown) : "no reason given" };
  }
}

function notLoaded(thrown: unknown): string {
  const absent = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND";
  return absent ? "is not installed" : `does not load (${messageOf(thrown)})`;
}

parentPort?.postMessage(await decode());
