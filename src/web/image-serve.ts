/** The worker that decodes and prepares images, so that the page stays responsive. */
import { imageBatch } from "../predict/predict.js";
import { carriedError } from "../runtime/messages.js";
import { type Codecs, decodeFile } from "./decode.js";
import type { ImageReply, ImageRequest, ImageStart } from "./image-messages.js";

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  onmessage: ((event: { readonly data: unknown }) => unknown) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/** Serve one page, one image after the other. @param open - loads the decoders, as the first message says */
export function serveImages(scope: WorkerScope, open: (start: ImageStart) => Promise<Codecs>): void {
  let last: Promise<void> = Promise.resolve();
  scope.onmessage = ({ data }) => {
    // Posted by images.ts alone: first the start, then requests.
    const codecs = open(data as ImageStart);
    // Its failure is that of each image.
    codecs.catch(() => {});
    scope.onmessage = (event) => {
      const request = event.data as ImageRequest;
      last = last.then(async () => {
        const reply = await answer(codecs, request);
        scope.postMessage(reply, buffersOf(reply));
      });
    };
  };
}

async function answer(codecs: Promise<Codecs>, request: ImageRequest): Promise<ImageReply> {
  const { id } = request;
  try {
    if (request.kind === "prepare") return { id, kind: "prepared", input: imageBatch([request.image], request.preprocessing) };
    return { id, kind: "decoded", image: await decodeFile(await codecs, request.file, request.name, request.limits) };
  } catch (thrown) {
    const action = request.kind === "prepare" ? "Cannot prepare an image" : `Cannot decode image "${request.name}"`;
    return { id, kind: "failed", error: carriedError(thrown, action, {}) };
  }
}

function buffersOf(reply: ImageReply): ArrayBuffer[] {
  if (reply.kind === "failed") return [];
  const { buffer } = reply.kind === "decoded" ? reply.image.data : reply.input.data;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}
