/** The networks that benchmark programs run, and what each is fed. */

export interface BenchNetwork {
  /** What the names of its input and weights begin with in the formula of `fill.ts`; pytorch.py has it too. */
  readonly key: string;
  /** Channels of the input. */
  readonly channels: number;
  /** Axes of the input behind its channels: images have 2, volumes 3. */
  readonly axes: number;
  /** Side of the square or cubic input where a command does not say. */
  readonly size: number;
}

const image = (key: string, size: number): BenchNetwork => ({ key, channels: 3, axes: 2, size });

/** Networks that run forward passes. */
export const NETWORKS = {
  inception_resnet_v2: image("timm.inception_resnet_v2", 299),
  googlenet: image("torchvision.googlenet", 224),
  inception_resnet_3d: { key: "inception_resnet_3d.table", channels: 1, axes: 3, size: 64 },
} as const satisfies Readonly<Record<string, BenchNetwork>>;

export type ModelName = keyof typeof NETWORKS;

/** What a network is trained with where a command does not say. */
export interface TrainedNetwork extends BenchNetwork {
  readonly batch: number;
  readonly classes: number;
}

/** Networks that are trained. */
export const TRAINED_NETWORKS = {
  inception_resnet_v1: { ...image("facenet.inception_resnet_v1", 160), batch: 8, classes: 1000 },
  googlenet: { ...NETWORKS.googlenet, batch: 8, classes: 1000 },
  inception_resnet_v2: { ...NETWORKS.inception_resnet_v2, batch: 4, classes: 1000 },
  inception_resnet_3d: { ...NETWORKS.inception_resnet_3d, batch: 1, classes: 2 },
} as const satisfies Readonly<Record<string, TrainedNetwork>>;

export type TrainedModel = keyof typeof TRAINED_NETWORKS;

/** [batch, channels, side, side] or one side more. */
export function inputShape({ channels, axes }: BenchNetwork, batch: number, size: number): readonly number[] {
  return [batch, channels, ...Array.from({ length: axes }, () => size)];
}

/** "224×224" or "64×64×64". */
export function sidesOf({ axes }: BenchNetwork, size: number): string {
  return Array.from({ length: axes }, () => size).join("×");
}

/** The network of that name. */
export function networkOf<T extends string>(networks: Readonly<Record<T, BenchNetwork>>, name: unknown): T {
  for (const known in networks) if (known === name) return known;
  throw new RangeError(`Cannot load model "${String(name)}": expected one of ${Object.keys(networks).join(", ")}`);
}
