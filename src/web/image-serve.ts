/** The worker that decodes and prepares images, and prepares and restores volumes, so that the page stays responsive. */
import { imageBatch } from "../predict/predict.js";
import { type CallTable, serveCalls } from "../runtime/calls.js";
import { FRECHET_TABLE } from "../tasks/frechet/frechet-task.js";
import { CASE_TABLE } from "../tasks/segment/case-task.js";
import { type Codecs, decodeFile } from "./decode.js";
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
  };
}

function actionOf(kind: keyof WorkerTasks): string {
  if (kind === "distance" || kind === "kernel") return "Cannot compute a distance";
  return kind === "prepare" || kind === "finish" ? "Cannot segment a volume" : "Cannot decode an image";
}
