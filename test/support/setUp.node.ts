/** Runs before each test file in Node, so that the Dawn it loads finds SwiftShader where there is no GPU. */
import { useSwiftShaderWithoutGpu } from '../../src/cli/browser.ts';

useSwiftShaderWithoutGpu();
