import { readFileSync } from "node:fs";
import type { Triple } from "../src/segment/index.js";
import { goldenPath } from "./shared.js";

/** test/goldens/segment/segment.json, which tools/goldens/segment.py writes. Volumes are texts of one digit per voxel. */
export interface SegmentGoldens {
  readonly agreement: readonly {
    readonly shape: Triple;
    readonly spacing: Triple;
    readonly predicted: string;
    readonly truth: string;
    readonly tolerance: number;
    readonly dice: number;
    readonly iou: number;
    readonly surfaceDice: number;
    readonly hd95: { readonly directed: number; readonly pooled: number };
    readonly assd: number;
    readonly volumeErrorMm3: number;
  }[];
  readonly distances: readonly {
    readonly shape: Triple;
    readonly spacing: Triple;
    readonly mask: string;
    readonly distances: readonly number[];
  }[];
  readonly components: readonly {
    readonly shape: Triple;
    readonly mask: string;
    readonly connectivity: Readonly<Record<"6" | "18" | "26", { readonly sizes: readonly number[] }>>;
  }[];
  readonly holes: readonly { readonly shape: Triple; readonly mask: string; readonly surface: string; readonly filled: string }[];
  readonly windows: readonly { readonly size: number; readonly weights: readonly number[] }[];
}

export function readSegmentGoldens(): SegmentGoldens {
  return JSON.parse(readFileSync(goldenPath("segment/segment.json"), "utf8")) as SegmentGoldens;
}

export function digits(text: string): Uint8Array {
  return Uint8Array.from(text, Number);
}
