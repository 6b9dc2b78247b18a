import { type Command, perform, runtimeOption } from './command.ts';
import { info } from './jobs/info.ts';

/** `cuanta info`: the adapter that the shaders run on. */
export const infoCommand: Command = {
  name: 'info',
  description: 'Show the GPU, its features and limits, and how integers are multiplied on it',
  options: [],
  example: 'info --json',
  run: async (_inputs, options, reporter) => {
    const { report, runtime } = await perform(info, {}, reporter, { runtime: runtimeOption(options) });
    reporter.result({ ...report, runtime }, () => {
      const { vendor, architecture, device, description } = report.adapter;
      const name = [description || device, vendor, architecture].filter((part) => part !== '').join(', ');
      return [
        `adapter   ${name}`,
        `runtime   ${runtime}`,
        `dot path  ${report.dotPath}`,
        `features  ${report.features.join(', ')}`,
        'limits',
        ...Object.entries(report.limits).map(([limit, value]) => `  ${limit}  ${value.toLocaleString('en')}`),
      ].join('\n');
    });
  },
};
