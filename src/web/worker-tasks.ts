/** What a page has its worker for images and volumes do. */
import type { Batch } from "../data/batch.js";
import type { BatchPlan } from "../data/batches/plan.js";
import type { Made } from "../data/batches/stream.js";
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import type { KernelDistance } from "../frechet/index.js";
import type { DistanceTask, KernelTask } from "../tasks/frechet/frechet-task.js";
import type { CaseResults, CaseTasks } from "../tasks/segment/case-task.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import type { DecodeFileOptions } from "./decode.js";

/** The first message: the URLs of the decoders' modules in a page without a bundler, otherwise null. */
export interface ImageStart {
  readonly codecs: Readonly<Record<"jpeg" | "png" | "webp", string>> | null;
}

interface EncodedFile {
  readonly file: Uint8Array;
  /** How messages name it. */
  readonly name: string;
  readonly how: DecodeFileOptions;
}

export interface WorkerTasks extends CaseTasks {
  readonly distance: DistanceTask;
  readonly kernel: KernelTask;
  readonly decodeImage: EncodedFile;
  readonly prepareImage: { readonly image: Image; readonly preprocessing: Preprocessing };
  /** Both at once, so that the pixels never leave the worker. */
  readonly decodeInput: EncodedFile & { readonly preprocessing: Preprocessing };
  /** Begins a source of batches under a number of the caller's. */
  readonly openBatches: { readonly source: number; readonly plan: BatchPlan };
  readonly makeBatch: { readonly source: number; readonly epoch: number; readonly batch: number };
  readonly closeBatches: { readonly source: number };
}

export interface WorkerResults extends CaseResults {
  readonly distance: number;
  readonly kernel: KernelDistance;
  readonly decodeImage: Image;
  readonly prepareImage: Float32Tensor;
  readonly decodeInput: Float32Tensor;
  readonly openBatches: null;
  readonly makeBatch: Made<Batch>;
  readonly closeBatches: null;
}
