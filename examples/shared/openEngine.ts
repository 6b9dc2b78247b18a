import { Engine } from '../../src/index.ts';
import { element, showError } from './elements.ts';

/**
 * Opens an engine for a page, with its adapter named in the line `adapter` and what goes wrong later shown at the top.
 *
 * @throws UnsupportedAdapter when there is no GPU
 */
export async function openEngine(): Promise<Engine> {
  const line = element('adapter', HTMLParagraphElement);
  try {
    const engine = await Engine.open();
    const { vendor, architecture, description } = engine.info.adapter;
    const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'GPU';
    line.textContent = engine.info.software ? `Running on the CPU (${name}): slow` : `Running on ${name}`;
    engine.device.addEventListener('uncapturederror', ({ error }) => showError(error.message));
    engine.device.lost.then(() => showError('The GPU was lost; load the page again.'));
    return engine;
  } catch (error) {
    line.textContent = 'No GPU';
    throw error;
  }
}
