import type { Target } from "../compile/targets/index.js";
import type { MapLayout } from "../ops/op.js";
import type { Session } from "../runtime/session.js";
import type { Trainer, TrainingProgram } from "../runtime/trainer.js";
import type { Tensor } from "../tensor/tensor.js";

/** What verification needs from its platform. */
export interface VerifyPlatform {
  /** @param name - what is run, for messages */
  readonly createSession: (model: Uint8Array, name: string) => Promise<Session>;
  /** A trainer over programs and the first values of their state. */
  readonly createTrainer: (programs: Readonly<Record<string, TrainingProgram>>, state: ReadonlyMap<string, Tensor>) => Promise<Trainer>;
  /** Hexadecimal SHA-256. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** The runtime that training programs are compiled for. Default "standard", which is what files are exported with. */
  readonly target?: Target;
  /** How training graphs lay out their maps. Default "nchw", as the recorded runs did. */
  readonly layout?: MapLayout;
  /** Called when a case begins. */
  readonly onCase?: (name: string) => void;
}

export interface VerifiedCase {
  readonly name: string;
  /** The error that comes nearest to its tolerance, or is the farthest beyond it. */
  readonly worst: number;
  /** Of that check. */
  readonly tolerance: number;
  readonly pass: boolean;
  readonly checks: readonly VerifiedCheck[];
}

export interface VerifiedCheck {
  /** What was compared: an output ("logits_1000", "embedding"), the path of a module, "gradient fc.weight", "loss 3". */
  readonly name: string;
  /** In units of the spread that the golden file states (networks), or of the compared values (training); NaN where there is nothing to compare with. */
  readonly worst: number;
  readonly tolerance: number;
}

/** A case with its checks. */
export function concluded(name: string, checks: readonly VerifiedCheck[]): VerifiedCase {
  const worst = worstCheck(checks);
  return { name, worst: worst?.worst ?? 0, tolerance: worst?.tolerance ?? 0, pass: worst === null || used(worst) <= 1, checks };
}

/** The check that comes nearest to its tolerance, or is the farthest beyond it; null where there is none. */
export function worstCheck(checks: readonly VerifiedCheck[]): VerifiedCheck | null {
  return checks.reduce<VerifiedCheck | null>((most, check) => (most === null || used(check) > used(most) ? check : most), null);
}

/** The share of its tolerance that a check uses; what is not a number uses more than any. */
function used({ worst, tolerance }: VerifiedCheck): number {
  return Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst / tolerance;
}

/** Like Math.max, but once NaN stays NaN, so that a missing value cannot pass. */
export function largest(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b);
}
