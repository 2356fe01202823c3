/** The benchmark of the network for volumes: forward passes and training steps beside PyTorch (see bench/README.md). */
import { compareForward } from "./inference.js";
import type { VolumesBenchOptions } from "./options.js";
import { sidesOf, TRAINED_NETWORKS } from "./peers/networks.js";
import { compareSteps, planOf } from "./training.js";

const MODEL = "inception_resnet_3d";

/** Runs the whole comparison and prints it as Markdown. `root` is the folder of the package's sources. */
export async function compareVolumes(
  root: string,
  options: VolumesBenchOptions,
  machine: string,
  print: (line: string) => void,
): Promise<void> {
  const plan = planOf(MODEL, options);
  const { batch, size, threads } = plan;
  const title = `${MODEL}.table, ${sidesOf(TRAINED_NETWORKS[MODEL], size)}, batch ${batch}${threads === 1 ? ", one thread" : ""}`;
  for (const line of [
    "# Volumes",
    "",
    machine,
    "Made by `npm run bench -- volumes`; how it compares is in [README.md](README.md). Programs take turns; ratios are of medians.",
    "",
    `## Forward pass: ${title}`,
    "",
  ]) {
    print(line);
  }
  await compareForward(root, { model: MODEL, batch, size, threads, rounds: plan.rounds, programs: ["pytorch"], plain: true }, print);
  for (const line of ["", `## Training step: ${title}`, ""]) print(line);
  await compareSteps(root, plan, print);
}
