import type { SegmentationConfig } from "../data/index.js";
import { InceptionError } from "../errors.js";

const NAMES = ["x", "y", "z"] as const;

/**
 * Checks that a model may be mirrored along some axes at inference: those along which its training mirrored patches. A network
 * that never saw a volume turned round labels it wrongly (measured: mean Dice 0.17 instead of 0.88 along all axes of a model
 * trained with flips along x), and the mean over mirrored windows takes that over.
 *
 * @param axes - 0 for x, 1 for y, 2 for z
 * @param model - as messages name it
 * @throws InceptionError OPTION_INVALID for other axes, and for any axis where the model records none
 */
export function checkMirrorAxes({ mirrorAxes }: Pick<SegmentationConfig, "mirrorAxes">, axes: readonly number[], model: string): void {
  const wrong = axes.filter((axis) => mirrorAxes?.includes(axis) !== true);
  if (wrong.length === 0) return;
  const fail = (fact: string): InceptionError =>
    new InceptionError("OPTION_INVALID", `Cannot mirror "${model}" along ${named(wrong)}: ${fact}`, { model, axes, allowed: mirrorAxes });
  if (mirrorAxes === undefined) {
    throw fail("the model does not record which axes its training mirrored; export it again from its run, or mirror along none");
  }
  if (mirrorAxes.length === 0) throw fail("its training mirrored along no axis, so it mislabels mirrored volumes; mirror along none");
  const only = mirrorAxes.length === 1 ? " only" : "";
  throw fail(
    `its training mirrored along ${named(mirrorAxes)}${only}, so it mislabels volumes mirrored along other axes; mirror along ${named(mirrorAxes)} or none`,
  );
}

function named(axes: readonly number[]): string {
  const names = axes.toSorted((a, b) => a - b).map((axis) => NAMES[axis as 0 | 1 | 2] ?? String(axis));
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
