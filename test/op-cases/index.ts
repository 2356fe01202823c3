/// <reference types="vite/types/importMeta.d.ts" />
import type { OpName } from "../../src/ops/index.js";
/** The cases of all ops, found by their files. */
import type { AnyOpCase } from "../op-graph.js";

const FILES = import.meta.glob<{ readonly cases: readonly AnyOpCase[] }>("./*.cases.ts", { eager: true });

/** `maxPool` is in max-pool.ts. */
export function fileName(op: string): string {
  return op.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function casesOf(op: OpName): readonly AnyOpCase[] {
  return FILES[`./${fileName(op)}.cases.ts`]?.cases ?? [];
}

/** The names of the files of cases, without their ending. */
export function caseFiles(): readonly string[] {
  return Object.keys(FILES).map((name) => name.replace(/^.*\/|\.cases\.ts$/g, ""));
}
