/** Threads that the system refuses to start: the error names the system's reason and blames no file. */
import { EventEmitter } from "node:events";
import type * as Threads from "node:worker_threads";
import { expect, test, vi } from "vitest";
import type { DicomSlice } from "../formats/dicom/slice.js";

vi.mock("node:worker_threads", async (original) => ({
  ...(await original<typeof Threads>()),
  Worker: class extends EventEmitter {
    constructor() {
      super();
      const refused = Object.assign(new Error("Worker initialization failure: EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
      setImmediate(() => this.emit("error", refused));
    }
    terminate(): Promise<number> {
      return Promise.resolve(1);
    }
  },
}));

const { inCaseThread } = await import("./segment/case-thread.js");
const { distanceInThread } = await import("./frechet/frechet-thread.js");
const { decodeSlices } = await import("./dicom/decode.js");

const REASON = "resource temporarily unavailable";

test("a task for a volume", async () => {
  const task = {
    channels: [],
    recipe: { spacing: null, normalization: [], patchSize: [1, 1, 1], labelValues: [0] },
    raw: undefined,
  } as const;
  await expect(inCaseThread("prepare", task, 2 ** 21)).rejects.toMatchObject({
    code: "SESSION_FAILED",
    message: `Cannot segment a volume: its thread ended: ${REASON}`,
  });
});

test("a distance", async () => {
  const features = 200;
  const statistics = () => ({ mean: new Float64Array(features), covariance: new Float64Array(features * features), count: 2 });
  await expect(distanceInThread({ kind: "distance", a: statistics(), b: statistics(), epsilon: 0 })).rejects.toMatchObject({
    code: "SESSION_FAILED",
    message: `Cannot compute a distance: its thread ended: ${REASON}`,
  });
});

test("compressed DICOM slices", async () => {
  const slice: DicomSlice = {
    file: import.meta.filename,
    shape: [1, 1],
    dtype: "uint8",
    bits: 8,
    slope: 1,
    intercept: 0,
    position: [0, 0, 0],
    orientation: [1, 0, 0, 0, 1, 0],
    spacing: [1, 1],
    thickness: 1,
    pixels: { compression: "1.2.840.10008.1.2.5", ranges: [{ offset: 0, length: 4 }] },
  };
  await expect(decodeSlices([slice, slice])).rejects.toMatchObject({
    code: "SESSION_FAILED",
    message: `Cannot read DICOM slices: no thread can be started to decode them: ${REASON}`,
  });
});
