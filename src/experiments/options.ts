import { booleanOption, integerOption, type OptionTable, textOption } from "../options.js";

/** The options of the residual-scaling experiment. */
export const RESIDUAL_SCALING_OPTIONS = {
  out: { ...textOption("output directory for tables, figures and pages", "residual-scaling"), placeholder: "dir" },
  quick: booleanOption("train four small networks only (about one minute)", false),
  seed: integerOption("random seed for images, order and initialization", 1, 0, 2 ** 31),
  steps: { ...integerOption("training steps per network", undefined, 1, 1_000_000), defaultDoc: "120, or 40 with `quick`" },
  // On maps of 3×3 a second thread mostly waits.
  threads: integerOption("CPU threads; 0 uses one per core, with little gain at this size", 1, 0, 1024),
} as const satisfies OptionTable;
