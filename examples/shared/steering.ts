const turnStep = Math.PI / 24;
const zoomStep = 1.25;
/** Pixels that a pointer may move between down and up and still press. */
const pressSlack = 5;

/** What a person can turn. Distances are in pixels of a view `height` pixels high. */
export interface Steered {
  drag(right: number, down: number, height: number): void;
  /** Moves the eye by angles, in radians. */
  turn(east: number, north: number): void;
  /** Comes nearer by a factor above 1. */
  zoom(factor: number): void;
  reset(): void;
  /** Moves what is looked at sideways, if it can be. */
  pan?(right: number, down: number, height: number): void;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * Lets a person turn and zoom a view: drag, pinch, wheel, arrow keys, plus and minus, 0 to go back; where it can be panned,
 * the right button, shift or two fingers do.
 *
 * @param changed called after each change
 * @param pressed called with where the canvas was pressed, in its CSS pixels
 */
export function steer(
  canvas: HTMLCanvasElement,
  camera: Steered,
  changed: () => void,
  pressed?: (x: number, y: number) => void,
): void {
  const pointers = new Map<number, Place>();
  let travelled = 0;

  const spread = (): { width: number; middle: Place } | undefined => {
    const [first, second] = [...pointers.values()];
    return first && second
      ? {
          width: Math.hypot(first.x - second.x, first.y - second.y),
          middle: { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 },
        }
      : undefined;
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    travelled = pointers.size > 1 ? Number.POSITIVE_INFINITY : 0;
    canvas.classList.add('dragged');
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const spreadBefore = spread();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [right, down] = [event.clientX - before.x, event.clientY - before.y];
    travelled += Math.hypot(right, down);
    const height = canvas.clientHeight;
    const spreadNow = spread();
    if (spreadBefore && spreadNow) {
      if (spreadBefore.width > 0) camera.zoom(spreadNow.width / spreadBefore.width);
      camera.pan?.(spreadNow.middle.x - spreadBefore.middle.x, spreadNow.middle.y - spreadBefore.middle.y, height);
    } else if (camera.pan && (event.shiftKey || (event.buttons & 2) !== 0)) {
      camera.pan(right, down, height);
    } else {
      camera.drag(right, down, height);
    }
    changed();
  });
  canvas.addEventListener('pointerup', (event) => {
    if (pressed && travelled < pressSlack && event.button === 0) pressed(event.offsetX, event.offsetY);
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(type, (event) => {
      pointers.delete(event.pointerId);
      canvas.classList.toggle('dragged', pointers.size > 0);
    });
  }
  if (camera.pan) canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      camera.zoom(Math.exp(-event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 0.05 : 0.0015)));
      changed();
    },
    { passive: false },
  );

  const actions: Record<string, () => void> = {
    ArrowLeft: () => camera.turn(-turnStep, 0),
    ArrowRight: () => camera.turn(turnStep, 0),
    ArrowUp: () => camera.turn(0, turnStep),
    ArrowDown: () => camera.turn(0, -turnStep),
    '+': () => camera.zoom(zoomStep),
    '=': () => camera.zoom(zoomStep),
    '-': () => camera.zoom(1 / zoomStep),
    '0': () => camera.reset(),
  };
  canvas.addEventListener('keydown', (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    changed();
  });
}

/** Lets buttons do what keys of a canvas do. */
export function pressKeys(canvas: HTMLCanvasElement, buttons: readonly (readonly [HTMLButtonElement, string])[]): void {
  for (const [button, key] of buttons) {
    button.addEventListener('click', () => canvas.dispatchEvent(new KeyboardEvent('keydown', { key })));
  }
}
