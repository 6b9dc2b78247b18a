import { defineConfig } from 'vitest/config';
import { testOptions } from './test/support/testOptions.ts';

export default defineConfig(({ mode }) => ({ test: testOptions(mode === 'full') }));
