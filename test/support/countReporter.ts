import type { Reporter, SerializedError, TestModule, TestSpecification, Vitest } from 'vitest/node';

/**
 * Prints `<passed> passed, <failed> failed` over all projects as the very last line of the run.
 *
 * Beside failed tests, these count as failures: a test file that could not be loaded or never ended, an error outside a
 * test, a run without tests, a skipped test, and a project in which nothing ran. The last two are let pass when the run
 * was narrowed by hand (file names or `-t` on the command line).
 */
export class CountReporter implements Reporter {
  #vitest: Vitest | undefined;
  #specifications: readonly TestSpecification[] = [];

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#specifications = specifications;
  }

  async onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): Promise<void> {
    const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const passed = results.filter((state) => state === 'passed').length;
    const complaints = [
      ...(results.some((state) => state === 'passed' || state === 'failed') ? [] : ['No test ran.']),
      ...modules.flatMap(complaintsAboutModule),
      ...errors.map((error) => `Error outside a test: ${error.message}`),
      ...((await this.#isNarrowed()) ? [] : this.#complaintsAboutGaps(modules)),
    ];
    const failed = results.filter((state) => state === 'failed').length + complaints.length;
    if (failed > 0) {
      process.exitCode = 1;
    }
    // Other reporters and the closing of the browser still print: the count must come after them.
    process.once('exit', () => {
      for (const complaint of complaints) {
        process.stderr.write(`${complaint}\n`);
      }
      process.stdout.write(`${passed} passed, ${failed} failed\n`);
    });
  }

  /** What a run of everything may not leave out. */
  #complaintsAboutGaps(modules: readonly TestModule[]): string[] {
    const idle = (this.#vitest?.projects ?? []).filter(
      (project) => !modules.some((module) => module.project === project),
    );
    return [
      ...idle.map((project) => `${project.name}: no test ran. Each project must run at least one.`),
      ...modules.flatMap((module) => {
        const skipped = [...module.children.allTests()].filter((test) => test.result().state === 'skipped');
        return skipped.map((test) => `${placeOf(module)}: ${test.fullName} was skipped. No test may be.`);
      }),
    ];
  }

  /** Whether file names or a test name pattern on the command line left something out. */
  async #isNarrowed(): Promise<boolean> {
    const all = (await this.#vitest?.globTestSpecifications()) ?? [];
    return this.#specifications.length < all.length || this.#vitest?.config.testNamePattern !== undefined;
  }
}

function placeOf(module: TestModule): string {
  return `${module.project.name}: ${module.relativeModuleId}`;
}

/** What went wrong with a test file beside its failed tests. */
function complaintsAboutModule(module: TestModule): string[] {
  const tests = [...module.children.allTests()];
  if (tests.some((test) => test.result().state === 'pending')) {
    return [`${placeOf(module)}: the file never ended.`];
  }
  if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) {
    return [`${placeOf(module)}: the file failed outside its tests.`];
  }
  return [];
}
