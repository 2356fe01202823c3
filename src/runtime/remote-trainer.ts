import { InceptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkFeeds, quote, tensorFaults } from "./feeds.js";
import { packTensors, type ReadyTrainer, type RealDevice, type Tensors, type TrainerWork } from "./messages.js";
import type { Remote } from "./remote.js";
import type { TensorInfo } from "./session.js";
import type { StepOptions, Trainer } from "./trainer.js";

const NOTHING = { tensors: {}, buffers: [] };

/** A trainer whose programs run, and whose state lives, in a worker thread. */
export class RemoteTrainer implements Trainer {
  readonly device: RealDevice;
  readonly #name: string;
  readonly #remote: Remote<TrainerWork, ReadyTrainer>;
  readonly #feeds: ReadyTrainer["feeds"];
  readonly #state: ReadonlyMap<string, TensorInfo>;

  /** @param state - names of all pieces, in the order in which they are read */
  constructor(name: string, remote: Remote<TrainerWork, ReadyTrainer>, ready: ReadyTrainer, state: Iterable<string>) {
    this.#name = name;
    this.#remote = remote;
    this.device = ready.device;
    this.#feeds = ready.feeds;
    const infos = new Map(ready.state.map((info) => [info.name, info]));
    // What the worker sends was an object once, which puts names that look like numbers first.
    this.#state = new Map([...state].flatMap((piece) => (infos.has(piece) ? [[piece, infos.get(piece) as TensorInfo]] : [])));
  }

  async run(program: string, feeds: Tensors, options: StepOptions = {}): Promise<Tensors> {
    const infos = Object.hasOwn(this.#feeds, program) ? this.#feeds[program] : undefined;
    if (infos === undefined) {
      const programs = Object.keys(this.#feeds);
      throw new InceptionError("FEED_INVALID", `Cannot run program ${quote(program)} of "${this.#name}": it has ${programs.join(", ")}`, {
        program,
        programs,
      });
    }
    checkFeeds(`${this.#name}/${program}`, infos, feeds);
    this.#remote.checkAlive();
    const packed = packTensors(feeds, options.transfer ?? false);
    return this.#remote.call({ kind: "step", program, feeds: packed.tensors }, packed).outputs;
  }

  async readState(names: readonly string[] = [...this.#state.keys()]): Promise<ReadonlyMap<string, Tensor>> {
    this.#refuse(
      "read",
      names.flatMap((name) => this.#unknown(name)),
    );
    this.#remote.checkAlive();
    const pieces = await this.#remote.call({ kind: "read", names }, NOTHING).outputs;
    return new Map(names.flatMap((name) => (pieces[name] ? [[name, pieces[name]] as const] : [])));
  }

  async writeState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    this.#refuse(
      "write",
      [...state].flatMap(([name, tensor]) => this.#pieceFaults(name, tensor)),
    );
    this.#remote.checkAlive();
    const packed = packTensors(Object.fromEntries(state), false);
    await this.#remote.call({ kind: "write", state: packed.tensors }, packed).outputs;
  }

  close(): Promise<void> {
    return this.#remote.close();
  }

  #pieceFaults(name: string, tensor: Tensor): string[] {
    const info = this.#state.get(name);
    return info === undefined ? this.#unknown(name) : tensorFaults(quote(name), info, tensor);
  }

  #unknown(name: string): string[] {
    return this.#state.has(name) ? [] : [`${quote(name)} is not part of it`];
  }

  #refuse(action: string, faults: readonly string[]): void {
    if (faults.length === 0) return;
    throw new InceptionError("FEED_INVALID", `Cannot ${action} the state of "${this.#name}": ${faults.join("; ")}`, { faults });
  }
}
