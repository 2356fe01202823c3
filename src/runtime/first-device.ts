import { InceptionError, messageOf } from "../errors.js";
import type { RealDevice } from "./messages.js";

/**
 * What `create` opens on the first of `devices` that takes it. When none does and the CPU, which was not asked for,
 * would, the error says that it is the device's fault.
 *
 * @param name - how messages name what is opened
 * @param release - takes back what `create` opened
 * @throws InceptionError DEVICE_UNAVAILABLE, or what `create` threw last
 */
export async function openOnFirst<T>(
  name: string,
  devices: readonly RealDevice[],
  create: (device: RealDevice) => Promise<T>,
  release: (opened: T) => Promise<void>,
): Promise<{ readonly device: RealDevice; readonly opened: T }> {
  let failure: unknown;
  for (const device of devices) {
    try {
      return { device, opened: await create(device) };
    } catch (thrown) {
      failure = thrown;
    }
  }
  const device = devices.at(-1);
  if (device === undefined || device === "cpu" || failure instanceof InceptionError) throw failure;
  try {
    await release(await create("cpu"));
  } catch {
    throw failure;
  }
  const runtime = messageOf(failure);
  const message = `Cannot open "${name}" on ${device}: ${runtime}; it does open on cpu`;
  throw new InceptionError("DEVICE_UNAVAILABLE", message, { device, runtime });
}
