/** Long computations as messages to a thread: distances and kernel distances. */
// Not from the index: a worker of a page without a bundler can load no packages, which files of statistics need.
import { frechetDistance } from "../../frechet/distance.js";
import { type FeatureRows, type KernelDistance, type KernelDistanceOptions, kernelDistance } from "../../frechet/kernel-distance.js";
import type { FeatureStatistics } from "../../frechet/moments.js";
import type { CallOptions } from "../../runtime/platform.js";

export interface DistanceTask {
  readonly kind: "distance";
  readonly a: FeatureStatistics;
  readonly b: FeatureStatistics;
  readonly epsilon: number;
}

export interface KernelTask {
  readonly kind: "kernel";
  readonly a: FeatureRows;
  readonly b: FeatureRows;
  readonly options: Omit<KernelDistanceOptions, "onSubset">;
}

export type FrechetTask = DistanceTask | KernelTask;

/** How a computation is followed and ended. */
export interface FrechetCall extends CallOptions {
  /** Where the platform's thread says how far it is. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What computes off the calling thread. The arrays of a task are moved there. @throws InceptionError as the computations */
export interface FrechetThread {
  distance(task: DistanceTask, call: CallOptions): Promise<number>;
  kernel(task: KernelTask, call: FrechetCall): Promise<KernelDistance>;
}

/** What the thread sends: how far it is, then the result or the error that it ended with. */
export type TaskReply =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "distance"; readonly value: number }
  | { readonly kind: "kernel"; readonly value: KernelDistance }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string };

/** What a worker of a page performs. */
export const FRECHET_TABLE = {
  distance: ({ a, b, epsilon }: DistanceTask) => frechetDistance(a, b, { epsilon }),
  kernel: ({ a, b, options }: KernelTask) => kernelDistance(a, b, options),
} as const;

export function performTask(task: FrechetTask, onProgress: (done: number, total: number) => void): TaskReply {
  if (task.kind === "distance") return { kind: "distance", value: frechetDistance(task.a, task.b, { epsilon: task.epsilon }) };
  return { kind: "kernel", value: kernelDistance(task.a, task.b, { ...task.options, onSubset: onProgress }) };
}

/** Additions and multiplications, about. */
export function taskWork(task: FrechetTask): number {
  if (task.kind === "distance") return 7 * task.a.mean.length ** 3;
  const { subsets = 100, subsetSize = 1000 } = task.options;
  const size = Math.min(subsetSize, task.a.count, task.b.count);
  return 2 * subsets * size * size * task.a.features;
}
