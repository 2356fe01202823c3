/** Types of test/goldens/architectures.json. */
import { readFileSync } from "node:fs";
import { goldenPath } from "./shared.js";

export interface Counts {
  readonly params: number;
  readonly macs: number;
  readonly nonTrainable: number;
  readonly convs: number;
}

export interface TableStage {
  readonly stage: string;
  readonly shape: readonly number[];
  readonly params: number;
  readonly macs: number;
}

interface Head {
  readonly kind: string;
  readonly embeddingSize: number | null;
  readonly classes: number | null;
}

/** One network of the tables; what a network does not have is absent. */
export interface Architecture extends Counts {
  readonly input: readonly number[];
  readonly head?: Head;
  readonly headFeatures: number;
  readonly paramsWithAux?: number;
  readonly macsWithAux?: number;
  readonly aux?: readonly { readonly on: string; readonly params: number }[];
  readonly smallestSquareInput: number | { readonly ceilPools: number; readonly samePools: number };
  readonly stages?: readonly TableStage[];
  readonly variants?: readonly (Counts & { readonly options: Readonly<Record<string, unknown>> })[];
  readonly heads?: readonly (Counts & { readonly head: Head; readonly input: readonly number[] })[];
  readonly shapesAt160?: readonly { readonly stage: string; readonly shape: readonly number[] }[];
  readonly biasAlternatives?: { readonly biasOnProjectionsOnly: number; readonly noConvBias: number };
  readonly featureTaps?: {
    readonly taps: readonly { readonly shape?: readonly number[]; readonly channels?: number; readonly reduction?: number }[];
  };
  readonly tensorCount?: { readonly count: number };
  readonly valuesInFile?: { readonly values: number };
  readonly slimBase?: { readonly values: number };
  readonly names?: readonly NameRow[];
}

export interface NameRow {
  readonly path: string;
  readonly conv: string;
  readonly out: readonly number[];
  readonly facenetPytorch?: string;
  readonly timm?: string;
}

export const ARCHITECTURES = readTables();

export function architecture(id: string): Architecture {
  const found = ARCHITECTURES[id];
  if (found === undefined) throw new RangeError(`Cannot find ${id} in architectures.json`);
  return found;
}

function readTables(): Readonly<Record<string, Architecture>> {
  const text = readFileSync(goldenPath("architectures.json"), "utf8");
  return (JSON.parse(text) as { readonly models: Readonly<Record<string, Architecture>> }).models;
}
