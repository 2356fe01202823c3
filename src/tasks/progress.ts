import type { SourceOptions } from "../runtime/platform.js";

/** How far a call is. Phases follow each other; each counts by itself. */
export interface TaskProgress<Phase extends string> {
  /** "download" counts bytes, and its total is 0 where the server does not say. */
  readonly phase: Phase | "download";
  readonly done: number;
  readonly total: number;
}

export type OnProgress<Phase extends string> = (progress: TaskProgress<Phase>) => void;

/** What is called during downloads, as options of a platform's sources. */
export function downloadProgress<Phase extends string>(onProgress: OnProgress<Phase> | undefined): Pick<SourceOptions, "onProgress"> {
  if (onProgress === undefined) return {};
  return { onProgress: ({ received, total }) => onProgress({ phase: "download", done: received, total }) };
}
