/** What a thread that serves a session does with the runtime's session, whichever package of onnxruntime it is of. */

import type { Tensor } from "../tensor/tensor.js";
import type { ReadySession, RealDevice, SessionWork } from "./messages.js";
import { type DescribedModel, hostTensor, type OrtValue, tensorInfo } from "./ort-values.js";
import type { Engine } from "./serve.js";

/** A session as all packages give it; `Value` is the package's tensor. */
interface OrtSession<Value extends OrtValue> {
  run(feeds: Readonly<Record<string, Value>>, fetches: readonly string[]): Promise<Readonly<Record<string, OrtValue | undefined>>>;
  release(): Promise<void>;
}

/**
 * @param opened - the inputs and outputs of the model
 * @param toOrt - one of our tensors as the package's
 * @throws InceptionError FILE_UNSUPPORTED for an input or output that is no tensor of numbers
 */
export function sessionEngine<Value extends OrtValue>(
  name: string,
  device: RealDevice,
  opened: DescribedModel,
  session: OrtSession<Value>,
  toOrt: (tensor: Tensor) => Value,
): Engine<SessionWork, ReadySession> {
  return {
    ready: {
      device,
      inputs: opened.inputMetadata.map((info) => tensorInfo(name, info)),
      outputs: opened.outputMetadata.map((info) => tensorInfo(name, info)),
    },
    describe: () => `run "${name}"`,
    run: async ({ feeds, fetches }) => {
      const values = Object.entries(feeds).map(([input, tensor]) => [input, toOrt(tensor)] as const);
      const results = await session.run(Object.fromEntries(values), fetches);
      return Object.fromEntries(fetches.map((output) => [output, hostTensor(name, output, results[output])]));
    },
    close: () => session.release(),
  };
}
