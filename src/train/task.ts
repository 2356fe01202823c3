/** What the loop does not know about what is learned: how batches become feeds, and how a network is measured. */
import type { BatchStream } from "../data/batch.js";
import type { Tensor } from "../tensor/tensor.js";
import type { EpochRow } from "./history.js";

/** Fields that every batch has. */
export interface TrainingBatch {
  /** Inputs of the network, one after the other. */
  readonly images: Float32Array;
  readonly count: number;
}

/** Batches of whatever kind by position; see `BatchSource`, which is one. */
export interface BatchLoader<B extends TrainingBatch> {
  readonly dataset: { readonly size: number };
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  epoch(epoch: number, start?: number): AsyncIterable<B> & Pick<BatchStream, "skipped">;
  close(): Promise<void>;
}

/** Batches, and what makes the program's inputs of them. */
export interface FeedSource<B extends TrainingBatch> {
  readonly source: BatchLoader<B>;
  /** The network's inputs for a batch: its images, or what a frozen part makes of them. */
  readonly inputs: (batch: B) => Promise<Readonly<Record<string, Tensor>>>;
}

/** A pass over samples that are measured. */
export interface Measurement<B extends TrainingBatch, E> {
  /** @param logits - of the batch's own samples */
  update(batch: B, logits: Float32Array): void;
  result(): E;
}

/** The task-specific part of training: how a batch `B` becomes inputs and targets, and how predictions become an evaluation `E`. */
export interface LearningTask<B extends TrainingBatch, E> {
  /** Returns the targets of a batch, which the training program takes beside inputs, masks and the learning rate. */
  targets(batch: B): Readonly<Record<string, Tensor>>;
  /** Whether `correct` gives numbers. */
  readonly countsCorrect: boolean;
  /** Samples of a training batch that are right; null where there is no such thing. */
  correct(batch: B, logits: Float32Array): number | null;
  measurement(): Measurement<B, E>;
  /** Returns the fields of an epoch row that depend on the evaluation. */
  scores(evaluation: E | null): Pick<EpochRow, "loss" | "top1" | "top5" | "dice">;
}
