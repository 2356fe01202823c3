/// <reference lib="dom" />
/** Which device to open a model on, decided in the page, because it decides which runtime the worker loads. */
import { InceptionError } from "../errors.js";
import type { RealDevice } from "../runtime/messages.js";
import type { Device } from "../runtime/session.js";

/**
 * The devices to try, in this order.
 *
 * @throws InceptionError DEVICE_UNAVAILABLE
 */
export async function devicesToTry(device: Device): Promise<readonly RealDevice[]> {
  if (device === "cpu") return ["cpu"];
  if (device === "cuda") {
    throw new InceptionError("DEVICE_UNAVAILABLE", 'Cannot use device "cuda": onnxruntime-web offers cpu, webgpu', { device });
  }
  const { navigator } = globalThis as Partial<typeof globalThis>;
  const adapter = (await navigator?.gpu?.requestAdapter()) ?? null;
  // A software adapter computes on the CPU, but slower than WebAssembly does.
  if (device === "auto") return adapter && !adapter.info.isFallbackAdapter ? ["webgpu", "cpu"] : ["cpu"];
  if (adapter === null) {
    throw new InceptionError("DEVICE_UNAVAILABLE", 'Cannot use device "webgpu": the browser offers no adapter for it', { device });
  }
  return ["webgpu"];
}
