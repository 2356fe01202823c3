import { InceptionError, messageOf } from "../../errors.js";
import { readOption } from "../../options.js";
import type { Position } from "../../train/history.js";
import { endsWithRun, RUN, SETTINGS, type TrainingSettings } from "../../train/settings.js";
import type { Run } from "../open-run.js";
import { writeRunSettings } from "../run-folder.js";

/**
 * The settings of a run that is resumed with another number of epochs; they are written to its config.json. Only while this
 * process holds the run.
 *
 * @param epochs - undefined to keep the number
 * @param position - how far the run is
 * @returns the settings, and a line that says what the change does
 * @throws InceptionError OPTION_INVALID where so many epochs are done already
 */
export async function extendRun<S extends Pick<TrainingSettings, "epochs" | "schedule">>(
  run: Run,
  settings: S,
  epochs: number | undefined,
  position: Position,
): Promise<{ readonly settings: S; readonly lines: readonly string[] }> {
  if (epochs === undefined) return { settings, lines: [] };
  const wanted = readOption(RUN, "epochs", SETTINGS.epochs, epochs);
  if (wanted <= position.epoch) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot resume "${messageOf(run.folder)}" with ${wanted} epochs: ${position.epoch} are done, expected more`,
      { epochs: wanted, done: position.epoch },
    );
  }
  if (wanted === settings.epochs) return { settings, lines: [] };
  await writeRunSettings(run, { ...run.config.settings, epochs: wanted });
  return { settings: { ...settings, epochs: wanted }, lines: [consequence(settings, wanted)] };
}

/** What another number of epochs does to the learning rate. */
function consequence({ epochs, schedule }: Pick<TrainingSettings, "epochs" | "schedule">, wanted: number): string {
  const fact = endsWithRun(schedule)
    ? `from here on the learning rate is that of a ${String(schedule.name)} schedule over ${wanted} epochs, so the result differs from a run of ${wanted} epochs`
    : "the learning-rate schedule does not depend on the number of epochs";
  return `${wanted} epochs instead of ${epochs}: ${fact}`;
}
