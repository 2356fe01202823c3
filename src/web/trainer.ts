import { messageOf } from "../errors.js";
import { copyBytes, packTensors, type ReadyTrainer, type TrainerWork } from "../runtime/messages.js";
import { checkThreads, Remote } from "../runtime/remote.js";
import { RemoteTrainer } from "../runtime/remote-trainer.js";
import type { Trainer, TrainerOptions, TrainingProgram } from "../runtime/trainer.js";
import type { Tensor } from "../tensor/tensor.js";
import { devicesToTry } from "./devices.js";
import type { TrainerStart } from "./start.js";
import { checkOpenTimeout, runtimeLocation, startThread, type WebOptions } from "./thread.js";

/** Where a trainer of onnxruntime-web runs. */
export interface WebTrainerOptions extends TrainerOptions, WebOptions {}

/**
 * Opens training programs with onnxruntime-web over one state, all in one worker of their own; the page stays responsive.
 * Devices are those of `createWebSession`. With WebGPU the state stays in the memory of the GPU between runs.
 *
 * @param programs - by name; every piece of state that they name must be in `state`
 * @param state - the first state; copied once, or taken over with `transfer`
 * @throws InceptionError FEED_INVALID, with every mismatch between programs and state in one message; SESSION_FAILED
 *   (the runtime rejects a program, with its message, or its script could not be loaded), FILE_UNSUPPORTED,
 *   DEVICE_UNAVAILABLE, OPTION_INVALID
 */
export async function createWebTrainer(
  programs: Readonly<Record<string, TrainingProgram>>,
  state: ReadonlyMap<string, Tensor>,
  options: WebTrainerOptions = {},
): Promise<Trainer> {
  const { device = "auto", threads = 0, transfer = false } = options;
  const name = messageOf(options.name ?? "training");
  checkThreads(name, threads);
  checkOpenTimeout(name, options);
  // Before the first wait: from here on the caller may change its arrays.
  const own = Object.entries(programs).map(([id, program]) => [id, { ...program, model: copyBytes(program.model) }] as const);
  const packed = packTensors(Object.fromEntries(state), transfer);
  const devices = await devicesToTry(device);
  const start: TrainerStart = {
    kind: "trainer",
    name,
    devices,
    threads,
    ...runtimeLocation(options, devices),
    programs: Object.fromEntries(own),
    state: packed.tensors,
  };
  const buffers = [...packed.buffers, ...own.map(([, program]) => program.model.buffer)];
  const remote = new Remote<TrainerWork, ReadyTrainer>("trainer", name, startThread(options, start, buffers));
  return new RemoteTrainer(name, remote, await remote.ready, state.keys());
}
