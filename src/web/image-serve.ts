/** The worker that decodes and prepares images, and prepares and restores volumes, so that the page stays responsive. */
import type { Batch } from "../data/batch.js";
import { openBatchMaker } from "../data/batches/maker.js";
import type { Maker } from "../data/batches/stream.js";
import { imageBatch } from "../predict/predict.js";
import { type CallTable, serveCalls } from "../runtime/calls.js";
import { FRECHET_TABLE } from "../tasks/frechet/frechet-task.js";
import { CASE_TABLE } from "../tasks/segment/case-task.js";
import { type Codecs, decodeFile } from "./decode.js";
import { pageSamples } from "./page-samples.js";
import type { ImageStart, WorkerResults, WorkerTasks } from "./worker-tasks.js";

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  onmessage: ((event: { readonly data: unknown }) => unknown) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/** Serve one page, one call after the other. @param open - loads the decoders, as the first message says */
export function serveImages(scope: WorkerScope, open: (start: ImageStart) => Promise<Codecs>): void {
  scope.onmessage = ({ data }) => {
    // Posted by images.ts alone: first the start, then calls.
    const codecs = open(data as ImageStart);
    // Its failure is that of each image.
    codecs.catch(() => {});
    const answer = serveCalls(tableOf(codecs), actionOf, (reply, moved) => scope.postMessage(reply, moved));
    scope.onmessage = (event) => answer(event.data);
  };
}

function tableOf(codecs: Promise<Codecs>): CallTable<WorkerTasks, WorkerResults> {
  const decode = async ({ file, name, how }: WorkerTasks["decodeImage"]) => decodeFile(await codecs, file, name, how);
  return {
    ...CASE_TABLE,
    ...FRECHET_TABLE,
    decodeImage: decode,
    prepareImage: ({ image, preprocessing }) => imageBatch([image], preprocessing),
    decodeInput: async ({ preprocessing, ...encoded }) => imageBatch([await decode(encoded)], preprocessing),
    ...batchTable(codecs),
  };
}

type BatchCalls = "openBatches" | "makeBatch" | "closeBatches";

/** Sources of batches, by number. */
function batchTable(codecs: Promise<Codecs>): Pick<CallTable<WorkerTasks, WorkerResults>, BatchCalls> {
  const makers = new Map<number, Maker<Batch>>();
  return {
    openBatches: ({ source, plan }) => {
      const samples = pageSamples(codecs, plan.samples, plan.cacheBytes);
      makers.set(
        source,
        openBatchMaker(plan, samples, () => false),
      );
      return null;
    },
    makeBatch: async ({ source, epoch, batch }) => {
      const maker = makers.get(source);
      if (maker === undefined) throw new Error(`there is no source ${source}`);
      return maker.make(epoch, batch);
    },
    closeBatches: async ({ source }) => {
      await makers.get(source)?.close();
      makers.delete(source);
      return null;
    },
  };
}

function actionOf(kind: keyof WorkerTasks): string {
  if (kind === "distance" || kind === "kernel") return "Cannot compute a distance";
  if (kind === "openBatches" || kind === "makeBatch" || kind === "closeBatches") return "Cannot read batches";
  return kind === "prepare" || kind === "finish" ? "Cannot segment a volume" : "Cannot decode an image";
}
