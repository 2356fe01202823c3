import { existsSync } from "node:fs";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { copyBytes, packTensors, type ReadyTrainer, type TrainerWork } from "../runtime/messages.js";
import { checkThreads, Remote } from "../runtime/remote.js";
import { RemoteTrainer } from "../runtime/remote-trainer.js";
import type { Trainer, TrainerOptions, TrainingProgram } from "../runtime/trainer.js";
import type { Tensor } from "../tensor/tensor.js";
import { GUARD_BYTES } from "./exit-guard.js";
import type { TrainerStart } from "./ort-messages.js";
import { startThread } from "./ort-thread.js";

/** Where a trainer of onnxruntime-node runs. */
export interface NodeTrainerOptions extends TrainerOptions {
  /**
   * Measure every operator of every run: `close` writes the runtime's own profile of each program to
   * `PROFILE.PROGRAM.json`, which `profileByOp` sums up. Costs some time in each run. Default: nothing is measured.
   */
  readonly profile?: string;
}

/**
 * Opens training programs with onnxruntime-node over one state, all in one worker thread of their own; the caller's thread
 * is not blocked. Devices are those of `createNodeSession`.
 *
 * A piece of state that some program replaces is held twice: a run reads one buffer and writes the other, and then they
 * change places, so that a run that fails leaves the state whole. (onnxruntime-node 1.30.0 also makes a copy of every
 * output, which is dropped: 60 ms for 180 MB of state.) On the CPU the same programs, state, feeds and thread count give
 * the same bits each time.
 *
 * @param programs - by name; every piece of state that they name must be in `state`
 * @param state - the first state; copied once, or taken over with `transfer`
 * @throws InceptionError FEED_INVALID, with every mismatch between programs and state in one message; SESSION_FAILED
 *   (the runtime rejects a program, with its message), FILE_UNSUPPORTED, DEVICE_UNAVAILABLE, OPTION_INVALID,
 *   FILE_NOT_FOUND (the directory for `profile`)
 */
export async function createNodeTrainer(
  programs: Readonly<Record<string, TrainingProgram>>,
  state: ReadonlyMap<string, Tensor>,
  options: NodeTrainerOptions = {},
): Promise<Trainer> {
  const { device = "auto", threads = 0, transfer = false, profile } = options;
  const name = messageOf(options.name ?? "training");
  checkThreads(name, threads);
  const profiles = profile === undefined ? {} : profileFiles(name, profile, Object.keys(programs));
  const own = Object.entries(programs).map(([id, program]) => [id, { ...program, model: copyBytes(program.model) }] as const);
  const packed = packTensors(Object.fromEntries(state), transfer);
  const start: TrainerStart = {
    name,
    device,
    threads,
    cells: new SharedArrayBuffer(GUARD_BYTES),
    programs: Object.fromEntries(own),
    state: packed.tensors,
    profiles,
  };
  const buffers = [...packed.buffers, ...own.map(([, program]) => program.model.buffer)];
  const thread = startThread(new URL("./ort-trainer-worker.js", import.meta.url), start, buffers);
  const remote = new Remote<TrainerWork, ReadyTrainer>("trainer", name, thread);
  return new RemoteTrainer(name, remote, await remote.ready, state.keys());
}

function profileFiles(name: string, profile: string, programs: readonly string[]): Readonly<Record<string, string>> {
  const folder = path.dirname(path.resolve(profile));
  if (!existsSync(folder)) {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot open "${name}" with a profile: no such directory "${messageOf(folder)}"`, {
      folder,
    });
  }
  return Object.fromEntries(programs.map((program) => [program, `${path.resolve(profile)}.${program.replace(/[^\w.-]/g, "_")}.json`]));
}
