/** Which networks the residual-scaling experiment trains. */
import type { NormPlacement } from "./residual-network.js";

/** One network and how it is trained. */
export interface Cell {
  /** Channels of the trunk. */
  readonly filters: number;
  /** Factor on the residuals. */
  readonly scale: number;
  readonly norm: NormPlacement;
  readonly optimizer: keyof typeof SWEEP_OPTIMIZERS;
  readonly learningRate: number;
  readonly seed: number;
}

/** The papers' RMSProp, and the momentum method that they used before it. */
export const SWEEP_OPTIMIZERS = {
  rmsprop: { name: "rmsprop_tf", decay: 0.9, momentum: 0, epsilon: 1 },
  sgd: { name: "sgd", momentum: 0.9 },
} as const;

/** The learning rate of arXiv:1602.07261, section 4. */
export const PAPER_RATE = 0.045;
/** A tenth and ten times of it. */
const LOW_RATE = 0.0045;
const HIGH_RATE = 0.45;

export interface Sweep {
  readonly name: "full" | "quick";
  readonly cells: readonly Cell[];
  readonly steps: number;
  /** Images of a step. */
  readonly batch: number;
  /** Number of C blocks. */
  readonly blocks: number;
  /** Steps between two looks at the activations. */
  readonly probeEvery: number;
}

/** Channels of the trunk: two below the thousand of the claim, one above it. */
const WIDTHS = [160, 640, 1280] as const;
const WIDEST = 1280;
const SCALES = [1, 0.3, 0.1] as const;

/**
 * A star around the claim's cell (wide, unscaled, published normalization, the paper's recipe), each arm with its scaled
 * twin: width by scale, placement of normalization, learning rate and optimizer, seed. All combinations would be 432
 * cells, which two cores cannot pay for.
 *
 * @param seed - of all cells but those of the arm of seeds, which take the two after it
 */
export function fullSweep(seed: number, steps = 120): Sweep {
  const paper = { norm: "conv", optimizer: "rmsprop", learningRate: PAPER_RATE, seed } as const;
  const widths = WIDTHS.flatMap((filters) => SCALES.map((scale): Cell => ({ filters, scale, ...paper })));
  const twins = ([1, 0.1] as const).map((scale): Cell => ({ filters: WIDEST, scale, ...paper }));
  const arms = twins.flatMap((cell): readonly Cell[] => [
    { ...cell, norm: "both" },
    { ...cell, norm: "sum" },
    { ...cell, norm: "none" },
    { ...cell, learningRate: LOW_RATE },
    { ...cell, learningRate: HIGH_RATE },
    { ...cell, optimizer: "sgd" },
    { ...cell, seed: seed + 1 },
    { ...cell, seed: seed + 2 },
  ]);
  // What dies or diverges when wide must be tried narrow too, or the width is not what did it.
  const narrow = ([1, 0.1] as const).flatMap((scale): readonly Cell[] => [
    { ...paper, filters: 160, scale, norm: "none" },
    { ...paper, filters: 160, scale, learningRate: HIGH_RATE },
  ]);
  return { name: "full", cells: [...widths, ...arms, ...narrow], steps, ...COMMON, probeEvery: probeEvery(steps) };
}

/** Four cells for a first look, about a minute on two cores: narrow and wide without normalization, unscaled and scaled. */
export function quickSweep(seed: number, steps = 40): Sweep {
  const cells = [160, WIDEST].flatMap((filters) =>
    [1, 0.1].map((scale): Cell => ({ filters, scale, norm: "none", optimizer: "rmsprop", learningRate: PAPER_RATE, seed })),
  );
  return { name: "quick", cells, steps, ...COMMON, probeEvery: probeEvery(steps) };
}

const COMMON = { batch: 8, blocks: 5 } as const;

/** Ten looks. */
function probeEvery(steps: number): number {
  return Math.max(1, Math.floor(steps / 10));
}
