import { InceptionError } from "../errors.js";
import type { RealDevice } from "../runtime/messages.js";
import type { Device } from "../runtime/session.js";

/** What the installed onnxruntime-node offers. */
export interface InstalledDevices {
  /** Names of the execution providers that it was built for. */
  readonly providers: readonly string[];
  /** Whether the CUDA library, which its install script fetches on demand, is there. */
  readonly cudaLibrary: boolean;
  /** Like `linux-x64`, for messages. */
  readonly platform: string;
}

/** The library whose presence says that CUDA was installed; the install script's exit code does not. */
export const CUDA_LIBRARY = "libonnxruntime_providers_cuda.so";

/**
 * The devices to try, in order, for what the user asked for.
 *
 * `auto` is CUDA where its library is installed, then the CPU. It is never WebGPU: that provider is always part of
 * onnxruntime-node but needs a graphics driver, and without one it fails only after loading everything.
 *
 * @throws InceptionError DEVICE_UNAVAILABLE, saying how to install it where that is possible
 */
export function devicesToTry(device: Device, installed: InstalledDevices): readonly RealDevice[] {
  if (device === "auto") return installed.cudaLibrary ? ["cuda", "cpu"] : ["cpu"];
  if (!installed.providers.includes(device)) {
    const offers = installed.providers.filter((name) => name === "cpu" || name === "webgpu" || name === "cuda").join(", ");
    throw new InceptionError(
      "DEVICE_UNAVAILABLE",
      `Cannot use device "${device}": onnxruntime-node for ${installed.platform} does not support it on this platform; available are ${offers}`,
      { device, platform: installed.platform },
    );
  }
  if (device === "cuda" && !installed.cudaLibrary) {
    throw new InceptionError(
      "DEVICE_UNAVAILABLE",
      `Cannot use device "cuda": onnxruntime-node is installed without ${CUDA_LIBRARY}; ` +
        "get it with ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js",
      { device },
    );
  }
  return [device];
}
