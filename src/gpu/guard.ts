import type { DeviceLost } from '../base/errors.ts';

/**
 * Ties promises of the GPU to the life of its device: when the device is lost, every one that is still pending rejects
 * with `DeviceLost`, whatever the driver does with it.
 */
export class LossGuard {
  readonly #pending = new Set<(error: DeviceLost) => void>();
  #loss: DeviceLost | undefined;

  /** The loss, once it has happened. */
  get loss(): DeviceLost | undefined {
    return this.#loss;
  }

  /** @throws DeviceLost when the device is lost already. */
  assertAlive(): void {
    if (this.#loss) throw this.#loss;
  }

  /** Settles as `promise` does, or rejects with the loss. A rejection that the loss caused becomes the loss. */
  protect<T>(promise: Promise<T>): Promise<T> {
    if (this.#loss) return Promise.reject(this.#loss);
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      promise
        .then(resolve, (error: unknown) => reject(this.#loss ?? error))
        .finally(() => this.#pending.delete(reject));
    });
  }

  /** Declares the device lost. */
  lose(error: DeviceLost): void {
    if (this.#loss) return;
    this.#loss = error;
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }
}
