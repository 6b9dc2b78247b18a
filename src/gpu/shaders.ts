import { type LinkedWesl, link, mapGPUCompilationInfo } from 'wesl';
import { ShaderError } from '../base/errors.ts';
import type { Variant } from './kernel.ts';

// The only file that knows how WGSL modules are found and put together.
const sources = import.meta.glob<string>('./**/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
  base: '../../shaders',
});

const linked = new Map<string, Promise<LinkedWesl>>();

/** A text that is the same for the same conditions and constants, whatever the order of their keys. */
export function variantKey(variant: Variant): string {
  const part = (record: Readonly<Record<string, boolean | number>> = {}): string =>
    Object.entries(record)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${value}`)
      .join(',');
  return `${part(variant.conditions)}|${part(variant.constants)}|${part(variant.overrides)}`;
}

/** Links `shaders/<name>.wgsl` with what it imports, under the variant's conditions and constants. Cached. */
export function linkShader(name: string, variant: Variant = {}): Promise<LinkedWesl> {
  const { conditions = {}, constants = {} } = variant;
  const key = `${name}|${variantKey({ conditions, constants })}`;
  let pending = linked.get(key);
  if (!pending) {
    pending = link({
      weslSrc: sources,
      rootModuleName: `package::${name.replaceAll('/', '::')}`,
      conditions,
      // Integers become u32: lengths, counts and tile sizes. WGSL would otherwise infer i32.
      constants: Object.fromEntries(
        Object.entries(constants).map(([constant, value]) => [constant, Number.isInteger(value) ? `${value}u` : value]),
      ),
    });
    linked.set(key, pending);
  }
  return pending;
}

/** The source of `shaders/<name>.wgsl` as it is written. */
export function shaderSource(name: string): string {
  return sources[`./${name}.wgsl`] ?? '';
}

/**
 * Says what is wrong with a shader that did not compile: file, line, column and the source line.
 * `reason` is the driver's own message.
 */
export async function describeCompileError(
  name: string,
  shader: LinkedWesl,
  module: GPUShaderModule,
  reason: string,
): Promise<ShaderError> {
  const info = mapGPUCompilationInfo(shader, await module.getCompilationInfo());
  const errors = info.messages.filter((message) => message.type === 'error');
  const details = errors.map((message) => {
    const line = message.module.text?.split('\n')[message.lineNum - 1]?.trim() ?? '';
    const file = message.module.url.replace(/\.wesl$/, '.wgsl');
    return `${file}:${message.lineNum}:${message.linePos}: ${message.message}\n    ${line}`;
  });
  return new ShaderError(
    [`The shader ${name} did not compile on this adapter.`, ...(details.length > 0 ? details : [reason])].join('\n'),
  );
}
