import type { Globe } from './globe.ts';

const turnStep = Math.PI / 24;
const zoomStep = 1.25;

/** Lets a person turn and zoom the globe: drag, pinch, wheel, arrow keys, plus and minus, 0 to go back. */
export function controlGlobe(globe: Globe, canvas: HTMLCanvasElement): void {
  const { camera } = globe;
  const pointers = new Map<number, { x: number; y: number }>();

  const pinchWidth = (): number => {
    const [first, second] = [...pointers.values()];
    return first && second ? Math.hypot(first.x - second.x, first.y - second.y) : 0;
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    canvas.classList.add('dragged');
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const widthBefore = pinchWidth();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 1) {
      camera.drag(event.clientX - before.x, event.clientY - before.y, canvas.clientHeight);
    } else if (widthBefore > 0) {
      camera.zoom(pinchWidth() / widthBefore);
    }
    globe.draw();
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(type, (event) => {
      pointers.delete(event.pointerId);
      canvas.classList.toggle('dragged', pointers.size > 0);
    });
  }
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      camera.zoom(Math.exp(-event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 0.05 : 0.0015)));
      globe.draw();
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
    globe.draw();
  });
}
