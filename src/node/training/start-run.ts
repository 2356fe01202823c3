/** How a run begins, and how it is resumed, whatever it trains. */
import type { OptionInput } from "../../options.js";
import { untilAborted } from "../../runtime/abort.js";
import { FROM_BEGINNING, startFrom } from "../../tasks/training/checkpoint-state.js";
import type { RunSettings } from "../../tasks/training/learning.js";
import type { RunNetwork } from "../../tasks/training/run-network.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import { settingsJson } from "../../train/settings.js";
import { openRun, type Run } from "../open-run.js";
import { createRun, makeRunFolder, type RunContents, resumeRun } from "../run-folder.js";
import { placesOf } from "../run-sources.js";
import { extendRun } from "./extend-run.js";
import { hashOf } from "./run-network.js";
import { startingWeightsJson } from "./source-names.js";
import type { ResumeOptions, RunOptions, StartedRun } from "./training-run.js";

/** What a run trains, before it writes anything. */
export interface PreparedRun<S extends RunSettings, N extends RunNetwork, D> {
  readonly settings: S;
  readonly network: N;
  readonly data: D;
}

/**
 * A kind of training.
 *
 * @typeParam S - settings
 * @typeParam N - network
 * @typeParam D - data
 * @typeParam O - options of a call that this kind alone has
 * @typeParam E - evaluation of an epoch
 * @typeParam R - what training returns
 */
export interface TrainingKind<S extends RunSettings, N extends RunNetwork, D, O, E, R> {
  /** Settings as a config.json holds them. @throws InceptionError OPTION_INVALID */
  readonly resolveSettings: (given: OptionInput) => S;
  /** The data of a run that is resumed. @throws InceptionError RUN_INVALID for a run of another kind; DATASET_INVALID */
  readonly openData: (run: Run, settings: S) => Promise<D>;
  /** The network of a run that is resumed, with the parameters of its checkpoint; without one it is initialized again. */
  readonly resumedNetwork: (
    run: Run,
    checkpoint: Checkpoint | null,
    prepared: { readonly settings: S; readonly data: D },
    options: O,
  ) => N | Promise<N>;
  readonly train: (prepared: PreparedRun<S, N, D>, run: StartedRun<S, E>) => Promise<R>;
}

/** What the directory of a new run holds beside its configuration. */
type NewRun = Pick<RunContents, "labels" | "recipe">;

/** Makes the directory of a run and trains. */
export async function startRun<S extends RunSettings, N extends RunNetwork, D, O, E, R>(
  kind: TrainingKind<S, N, D, O, E, R>,
  prepared: PreparedRun<S, N, D>,
  contents: NewRun,
  options: RunOptions<E>,
): Promise<R> {
  const { network, settings } = prepared;
  const out = options.out ?? (await makeRunFolder(network.model));
  const json = settingsJson(settings);
  const config = {
    model: network.model,
    options: network.options,
    graphHash: hashOf(network.graph),
    settings: json,
    ...startingWeightsJson(network.startingWeights),
    places: await placesOf(out, json),
  };
  const stored = network.network === undefined ? {} : { network: network.network };
  const writer = await createRun(out, { config, ...stored, ...contents }, Date.now() / 1000);
  return kind.train(prepared, { settings, writer, ...FROM_BEGINNING, options: { ...options, out } });
}

/**
 * Resumes a run from its last checkpoint. The result is bit-identical to that of an uninterrupted run; in the report only times
 * differ.
 */
export async function resumeTask<S extends RunSettings, N extends RunNetwork, D, O, E, R>(
  kind: TrainingKind<S, N, D, O, E, R>,
  options: O & ResumeOptions<E>,
): Promise<R> {
  const found = await openRun(options.out);
  const { config } = found;
  const stored = kind.resolveSettings(config.settings);
  const data = await untilAborted(options.signal, kind.openData(found, stored));
  const expected = { model: config.model, graphHash: config.graphHash };
  const { writer, checkpoint, run, lines } = await resumeRun(options.out, Date.now() / 1000, { expected });
  try {
    const from = startFrom(checkpoint, lines);
    const { settings, lines: notes } = await extendRun(run, stored, options.epochs, from.start.position);
    options.onEvent?.({ kind: "planned", lines: notes });
    const network = await kind.resumedNetwork(run, checkpoint, { settings, data }, options);
    return await kind.train({ settings, network, data }, { settings, writer, ...from, options });
  } finally {
    await writer.close();
  }
}
