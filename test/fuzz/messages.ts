/** What the runner of `npm run fuzz` and the process that runs the cases say to each other. */

/** Cases `from` to `to` - 1 of a target. */
export interface Chunk {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** How cases of a chunk ended, those before the one that is named. */
export interface Counts {
  readonly results: number;
  readonly typed: number;
}

export type Report =
  /** The case begins. */
  | ({ readonly kind: "case"; readonly index: number } & Counts)
  /** The case ended in an error that is not an InceptionError, or in one whose message is not one clean line. */
  | ({ readonly kind: "untyped"; readonly index: number; readonly text: string } & Counts)
  | ({ readonly kind: "end" } & Counts);

export function caseKey({ target, seed }: Pick<Chunk, "target" | "seed">, index: number): string {
  return `${target}:${seed}:${index}`;
}
