import { elementIn } from './elements.ts';
import { Pacer } from './pacer.ts';

/** What the buttons do. */
export interface RunActions {
  /** Begins, and says what runs by `begin`, if it can. @param makePacer to be called once for each thing that runs */
  start(makePacer: () => Pacer): void;
  /** Ends what runs, and what is shown. */
  reset(): void;
  /** Ends what runs. */
  stop?(): void;
}

/** Lets a person run, pause, step and reset work, and shows with the buttons what can be done. */
export class RunControls {
  readonly #form: HTMLFormElement;
  readonly #run: HTMLButtonElement;
  readonly #step: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  /** Where there is one. */
  readonly #stop: HTMLButtonElement | null;
  readonly #actions: RunActions;
  #pacers: readonly Pacer[] = [];
  #ready = false;

  /** @param form with the buttons `run`, which submits it, `step`, `reset` and perhaps `stop` */
  constructor(form: HTMLFormElement, actions: RunActions) {
    this.#form = form;
    this.#actions = actions;
    this.#run = elementIn(form, '#run', HTMLButtonElement);
    this.#step = elementIn(form, '#step', HTMLButtonElement);
    this.#reset = elementIn(form, '#reset', HTMLButtonElement);
    this.#stop = form.querySelector<HTMLButtonElement>('#stop');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.toggle();
    });
    this.#step.addEventListener('click', () => this.#stepOn());
    this.#reset.addEventListener('click', () => actions.reset());
    this.#stop?.addEventListener('click', () => actions.stop?.());
    this.#show();
  }

  /** Whether there is anything to run. */
  set ready(ready: boolean) {
    this.#ready = ready;
    this.#show();
  }

  /** Runs, pauses or goes on. */
  toggle(): void {
    if (!this.#ready) return;
    if (this.#pacers.length === 0) this.#actions.start(() => new Pacer());
    else if (this.#paused) for (const pacer of this.#pacers) pacer.resume();
    else for (const pacer of this.#pacers) pacer.pause();
    this.#show();
  }

  /** Something runs from now on. */
  begin(pacers: readonly Pacer[]): void {
    this.#pacers = pacers;
    this.#show();
  }

  /** Whether that is what still runs. */
  isRunning(pacers: readonly Pacer[]): boolean {
    return this.#pacers === pacers;
  }

  /** Nothing runs any more. */
  end(): void {
    this.begin([]);
  }

  get #paused(): boolean {
    return this.#pacers.some((pacer) => pacer.paused);
  }

  #stepOn(): void {
    if (this.#pacers.length > 0) for (const pacer of this.#pacers) pacer.step();
    else if (this.#form.reportValidity()) this.#actions.start(() => Pacer.stepping());
    this.#show();
  }

  #show(): void {
    const isBusy = this.#pacers.length > 0;
    const isRunning = isBusy && !this.#paused;
    this.#run.disabled = !this.#ready;
    this.#run.textContent = isRunning ? 'Pause' : isBusy ? 'Resume' : 'Run';
    this.#step.disabled = !this.#ready || isRunning;
    this.#reset.disabled = !this.#ready;
    if (this.#stop) this.#stop.disabled = !isBusy;
  }
}
