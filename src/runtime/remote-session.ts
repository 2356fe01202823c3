import { checkFeeds, checkFetches } from "./feeds.js";
import { packTensors, type ReadySession, type RealDevice, type SessionWork, type Tensors } from "./messages.js";
import type { Remote } from "./remote.js";
import type { CancelSignal, RunOptions, Session, TensorInfo } from "./session.js";

/** A session whose model runs in a worker thread. */
export class RemoteSession implements Session {
  readonly device: RealDevice;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #name: string;
  readonly #remote: Remote<SessionWork, ReadySession>;

  constructor(name: string, remote: Remote<SessionWork, ReadySession>, ready: ReadySession) {
    this.#name = name;
    this.#remote = remote;
    this.device = ready.device;
    this.inputs = ready.inputs;
    this.outputs = ready.outputs;
  }

  async run(feeds: Tensors, options: RunOptions = {}): Promise<Tensors> {
    const { fetches = this.outputs.map((info) => info.name), transfer = false, signal } = options;
    checkFeeds(this.#name, this.inputs, feeds);
    checkFetches(this.#name, this.outputs, fetches);
    this.#remote.checkAlive();
    if (signal?.aborted) throw signal.reason;

    const packed = packTensors(feeds, transfer);
    const { id, outputs } = this.#remote.call({ feeds: packed.tensors, fetches }, packed);
    return signal ? this.#cancelable(outputs, id, signal) : outputs;
  }

  close(): Promise<void> {
    return this.#remote.close();
  }

  async #cancelable(outputs: Promise<Tensors>, id: number, signal: CancelSignal): Promise<Tensors> {
    const cancel = () => this.#remote.cancel(id, signal.reason);
    signal.addEventListener("abort", cancel);
    try {
      return await outputs;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
}
