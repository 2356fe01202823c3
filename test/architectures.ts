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
  /** Classes that the counts are for; absent: 1000. */
  readonly classes?: number;
  /** Positions of the input that are classified; absent: 1. */
  readonly headPositions?: number;
  /** Multiply-adds with every global average tiled before the convolution that reads it. */
  readonly macsTiled?: readonly { readonly input: readonly number[]; readonly macs: number }[];
  readonly paramsWithCReduce1x1?: number;
  readonly volumeParams?: { readonly constant: number; readonly perInputChannel: number; readonly perClass: number };
  readonly volumeShapes?: readonly {
    readonly input: readonly number[];
    readonly shapes: Readonly<Record<string, readonly number[]>>;
  }[];
  readonly layers?: readonly VolumeLayer[];
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
  readonly tensorCountWithAux?: { readonly count: number };
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
  readonly torchvision?: string;
  readonly slim?: string;
  readonly facenetTf?: string;
  readonly keras?: string;
}

/** A row of the table of a network for volumes. */
export interface VolumeLayer {
  readonly path: string;
  readonly kind: "conv" | "deconv";
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: number;
  readonly dilation: number;
  /** Spatial sizes of its output. */
  readonly out: readonly number[];
  readonly weights: number;
  /** Whether batch normalization follows; it has a bias where not. */
  readonly batchNorm: boolean;
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
